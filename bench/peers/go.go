// SPDX-License-Identifier: BSL-1.0

// Go: a goroutine for each connection. GOMAXPROCS is 1 for a fair comparison with the others;
// --threads N gives it more. The backlog is what the kernel allows, and TCP_NODELAY the default.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
)

const bufferSize = 4096

func echo(client net.Conn) {
	defer client.Close()
	buffer := make([]byte, bufferSize)
	for {
		got, err := client.Read(buffer)
		if got > 0 {
			if _, err := client.Write(buffer[:got]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func refuse(text string) {
	fmt.Fprintln(os.Stderr, "peer-go: "+text)
	os.Exit(2)
}

func parse(words []string) (threads int) {
	threads = 1
	for len(words) > 0 {
		switch {
		case words[0] == "--version" && len(words) == 1:
			fmt.Println(strings.TrimPrefix(runtime.Version(), "go"))
			os.Exit(0)
		case words[0] == "--threads" && len(words) > 1:
			number, err := strconv.Atoi(words[1])
			if err != nil || number < 1 || number > 1024 {
				refuse("--threads: a whole number from 1 to 1024, got " + words[1])
			}
			threads = number
			words = words[2:]
		case words[0] == "--threads":
			refuse("--threads needs a value")
		default:
			refuse("unknown option " + words[0])
		}
	}
	return threads
}

func main() {
	runtime.GOMAXPROCS(parse(os.Args[1:]))
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer-go:", err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		if client, err := listener.Accept(); err == nil {
			go echo(client)
		}
	}
}
