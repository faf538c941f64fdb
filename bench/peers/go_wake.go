// SPDX-License-Identifier: BSL-1.0

// What a hand-over to another goroutine costs: `peer-go-wake post` prints ns for a function sent through a
// channel with room for 10,000, `peer-go-wake wake` for a message through a channel without room and back. Go
// decides on which of two processors they run, and mostly leaves the second pair on one.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"time"
)

func post() float64 {
	const bursts = 30
	const posts = 10000
	work := make(chan func(), posts)
	done := make(chan bool)
	ran := 0
	go func() {
		for job := range work {
			job()
		}
	}()
	spent := time.Duration(0)
	for burst := 0; burst <= bursts; burst++ {
		begin := time.Now()
		for i := 0; i < posts; i++ {
			work <- func() {
				ran++
				if ran%posts == 0 {
					done <- true
				}
			}
		}
		if burst > 0 {
			spent += time.Since(begin)
		}
		<-done
	}
	return float64(spent.Nanoseconds()) / (bursts * posts)
}

func wake() float64 {
	there := make(chan bool)
	here := make(chan bool)
	go func() {
		for range there {
			here <- true
		}
	}()
	times := []float64{}
	for trip := 0; trip < 1000; trip++ {
		begin := time.Now()
		there <- true
		<-here
		if trip >= 50 {
			times = append(times, float64(time.Since(begin).Nanoseconds()))
		}
	}
	sort.Float64s(times)
	return times[len(times)/2]
}

func main() {
	runtime.GOMAXPROCS(2)
	if len(os.Args) == 2 && os.Args[1] == "post" {
		fmt.Printf("%.2f\n", post())
	} else if len(os.Args) == 2 && os.Args[1] == "wake" {
		fmt.Printf("%.2f\n", wake())
	} else {
		fmt.Fprintln(os.Stderr, "usage: peer-go-wake post|wake")
		os.Exit(2)
	}
}
