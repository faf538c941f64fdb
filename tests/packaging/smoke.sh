#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# usage: smoke.sh SOURCE_DIR BUILD_DIR
#
# Installs a build into an empty folder, moves it, and builds and runs a program by every route that
# users take: pkg-config, CMake, Meson. Looks at the library itself, too. Says what it skips.
# COIR_PACKAGING_BRIEF=1: without the subproject, which builds the library once more.
# shellcheck disable=SC2317 # check() calls the functions
set -u

source=$1
build=$2
scratch=$(mktemp -d "${TMPDIR:-/tmp}/coir-packaging.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

passed=0 failed=0 skipped=0
compiler=${CXX:-g++}

# check WHAT COMMAND...: a line, and the output when it fails.
check() {
    what=$1
    shift
    if "$@" >"$scratch/log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "failed: $what"
        sed 's/^/    /' "$scratch/log" | tail -n 40
    fi
}
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1: $2"
}
finish() {
    echo "coir-tests: $passed passed, $failed failed, $skipped skipped"
    [ $failed -eq 0 ] || exit 1
    [ $passed -gt 0 ] || exit 77
    exit 0
}

# ---- install, and move away from where it was configured for ----

meson install -C "$build" --no-rebuild --destdir "$scratch/staging" >"$scratch/install.log" 2>&1 </dev/null || {
    cat "$scratch/install.log"
    failed=1
    finish
}
pc=$(find "$scratch/staging" -name coir.pc | head -n 1)
if [ -z "$pc" ]; then
    echo "failed: no coir.pc was installed"
    failed=1
    finish
fi
configured=$(sed -n 's/^prefix=//p' "$pc")
prefix=$scratch/moved
mv "$scratch/staging$configured" "$prefix"
libdir=$(dirname "$(find "$prefix" -name coir.pc)")/..
libdir=$(cd "$libdir" && pwd)
shared=$libdir/libcoir.so
static=$libdir/libcoir.a

for library in "$shared" "$static"; do
    [ -e "$library" ] || continue
    if nm "$library" 2>/dev/null | grep -qE ' (__asan_init|__tsan_init|__ubsan_handle_[a-z_]+)$'; then
        skip "packaging" "a library built with a sanitizer is not for installation"
        finish
    fi
done

pkg_config() {
    PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config --define-variable=prefix="$prefix" "$@"
}
consumer=$source/tests/packaging/consumer.cpp

run_program() { env -u COIR_REACTOR "$@"; }
run_shared() { env -u COIR_REACTOR LD_LIBRARY_PATH="$libdir" "$@"; }
needs_coir() { readelf -d "$1" | grep -q 'NEEDED.*libcoir'; }
needs_no_coir() { [ -x "$1" ] && ! needs_coir "$1"; }

# ---- the shared library itself ----

only_own_symbols() {
    nm -DC --defined-only "$shared" | cut -d' ' -f3- |
        grep -vE '^((auto )?coir::|coir_|(vtable|typeinfo|typeinfo name|VTT|guard variable) for coir::|(non-)?virtual thunk to coir::)' >"$scratch/foreign"
    nm -D --defined-only "$shared" | grep -E 'jump_fcontext|io_uring_' >>"$scratch/foreign"
    if [ -s "$scratch/foreign" ]; then
        head -n 20 "$scratch/foreign"
        return 1
    fi
    nm -DC --defined-only "$shared" | grep -q 'coir::v0::EventLoop::run_forever' || return 1
    nm -D --defined-only "$shared" | grep -q ' coir_debug_table$'
}
hardened() {
    readelf -lW "$shared" >"$scratch/segments"
    readelf -dW "$shared" >"$scratch/dynamic"
    cat "$scratch/segments" "$scratch/dynamic"
    grep -q 'GNU_RELRO' "$scratch/segments" || return 1
    grep -qE 'BIND_NOW|Flags:.*NOW' "$scratch/dynamic" || return 1
    grep 'GNU_STACK' "$scratch/segments" | grep -q 'RWE' && return 1
    grep -q 'TEXTREL' "$scratch/dynamic" && return 1
    return 0
}
no_run_path() {
    readelf -dW "$shared" | grep -E 'RPATH|RUNPATH' && return 1
    return 0
}
no_machine_paths() {
    grep -rlF -e "$build" -e "$source" "$libdir/pkgconfig" "$libdir/cmake" "$prefix/include" && return 1
    grep -E '/[^ ]*libboost|\.so|\.a( |$)' "$libdir/pkgconfig/coir.pc" && return 1
    return 0
}
soname_matches() {
    name=$(readelf -dW "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    echo "soname: $name"
    [ -n "$name" ] && [ -e "$libdir/$name" ]
}

# Every library beside the compiler's and libc's own, and what is linked into it.
bill_is_complete() {
    bill=$(find "$prefix" -name coir.cdx.json)
    python3 - "$bill" <<'PYTHON' >"$scratch/components" || return 1
import json, sys
with open(sys.argv[1]) as file:
    bill = json.load(file)
assert bill["bomFormat"] == "CycloneDX", bill["bomFormat"]
for component in bill["components"]:
    assert component["version"][0].isdigit(), component
    print(component["name"])
PYTHON
    grep -qx boost-context "$scratch/components" || return 1
    readelf -dW "$shared" | sed -n 's/.*NEEDED.*\[lib\([a-z_]*\).*/\1/p' |
        grep -vxE 'stdc|gcc_s|c|m|pthread|dl|ld' |
        while read -r name; do
            grep -qx -e "lib$name" -e "$(echo "$name" | tr _ -)" "$scratch/components" || exit 1
        done
}

if [ -e "$shared" ]; then
    check "the bill of materials names what libcoir.so needs" bill_is_complete
    check "libcoir.so exports coir's symbols and no others" only_own_symbols
    check "libcoir.so is hardened: RELRO, BIND_NOW, no executable stack" hardened
    check "libcoir.so has no run path" no_run_path
    check "libcoir.so is installed under its SONAME" soname_matches
    check "libcoir.so carries the debug table's section" \
        sh -c "readelf -SW '$shared' | grep -q '\\.coir_debug'"
else
    skip "the shared library" "this build has none"
fi
check "no installed text names this machine's folders" no_machine_paths

# ---- the servers that `coir bench` compares coir with ----

peers=$(find "$prefix" -path '*/coir/peers/peers.list' -printf '%h')
peers_are_complete() {
    tr '\t' '\n' <"$peers/peers.list" | sed -n 's|^\./||p' | sort -u >"$scratch/peers"
    [ -s "$scratch/peers" ] || return 1
    while read -r file; do
        ls -l "$peers/$file" || return 1
    done <"$scratch/peers"
}
# A program in the place of the command, which looks for them as the command does.
peers_are_found() {
    cp "$build/tests/peers/peer-test" "$prefix/bin/" && found=$(run_shared "$prefix/bin/peer-test")
    rm -f "$prefix/bin/peer-test"
    echo "found: $found, installed: $peers"
    [ -n "$found" ] && [ "$(cd "$found" && pwd -P)" = "$(cd "$peers" && pwd -P)" ]
}
if [ -n "$peers" ] && [ -x "$build/tests/peers/peer-test" ]; then
    check "the peers of coir bench are installed" peers_are_complete
    check "the peers of coir bench are found relative to the command" peers_are_found
else
    skip "the peers of coir bench" "this build has none"
fi

# ---- pkg-config ----

by_pkg_config() { # OUTPUT LINK_OPTION PKG_CONFIG_OPTIONS...
    output=$1 link=$2
    shift 2
    # shellcheck disable=SC2046,SC2086
    $compiler -std=c++20 $link "$consumer" -o "$output" $(pkg_config --cflags --libs "$@" coir)
}
if [ -e "$shared" ]; then
    check "pkg-config, shared: builds" by_pkg_config "$scratch/pc-shared" ""
    check "pkg-config, shared: runs" run_shared "$scratch/pc-shared"
    check "pkg-config, shared: uses libcoir.so" needs_coir "$scratch/pc-shared"
fi
if [ -e "$static" ]; then
    check "pkg-config --static: builds a program without any shared library" \
        by_pkg_config "$scratch/pc-static" -static --static
    check "pkg-config --static: runs" run_program "$scratch/pc-static"
fi

# Blocking calls in tasks of a fully static program.
waiting=$source/tests/legacy/preload_program.cpp
by_static_legacy() {
    # shellcheck disable=SC2046,SC2086
    $compiler -std=c++20 "$waiting" -o "$1" $(pkg_config --cflags --libs coir-legacy-static)
}
# No object before these options calls what is redirected: only libstdc++.a and an archive after them do.
static_from_libraries_alone() {
    # shellcheck disable=SC2046,SC2086
    $compiler -std=c++20 "$source/examples/hello.cpp" -o "$1" \
        $(pkg_config --cflags --libs coir-legacy-static)
}
static_with_late_archive() {
    cat >"$scratch/late.c" <<'TEXT'
#include <unistd.h>
int late(void);
int late(void) { return (int)write(1, "late\n", 5); }
TEXT
    cat >"$scratch/early.cpp" <<'TEXT'
#include <coir/run.hpp>
extern "C" int late(void);
int main() { return coir::run([] { return late(); }) == 5 ? 0 : 1; }
TEXT
    # shellcheck disable=SC2046,SC2086
    ${CC:-gcc} -c "$scratch/late.c" -o "$scratch/late.o" && ar rc "$scratch/liblate.a" "$scratch/late.o" &&
        $compiler -std=c++20 "$scratch/early.cpp" -o "$1" \
            $(pkg_config --cflags --libs coir-legacy-static) -L"$scratch" -llate
}
static_c_program() { # OUTPUT PACKAGE PKG_CONFIG_OPTIONS...
    output=$1 package=$2
    shift 2
    # shellcheck disable=SC2046
    ${CC:-gcc} -static "$source/examples/legacy/07_c_program.c" -o "$output" \
        $(pkg_config --cflags --libs "$@" "$package")
}
if [ -e "$static" ]; then
    check "pkg-config --static: links a C program" static_c_program "$scratch/c-static" coir --static
fi
if [ -e "$libdir/pkgconfig/coir-legacy-static.pc" ]; then
    check "pkg-config coir-legacy-static: links what only libstdc++.a refers to" \
        static_from_libraries_alone "$scratch/hello-static"
    check "pkg-config coir-legacy-static: that runs" run_program "$scratch/hello-static"
    check "pkg-config coir-legacy-static: links an archive that comes after it" \
        static_with_late_archive "$scratch/late-static"
    check "pkg-config coir-legacy-static: that runs, too" run_program "$scratch/late-static"
    check "pkg-config coir-legacy-static: links a C program" \
        static_c_program "$scratch/c-legacy-static" coir-legacy-static
    check "pkg-config coir-legacy-static: builds" by_static_legacy "$scratch/legacy-static"
    check "pkg-config coir-legacy-static: the calls of tasks wait at once" \
        run_program "$scratch/legacy-static" at-once
    check "pkg-config coir-legacy-static: is static" needs_no_coir "$scratch/legacy-static"
else
    skip "coir-legacy-static" "this build has none"
fi

# libcoir-legacy as an archive in a program that loads libc: docs/legacy.md has this line.
by_legacy_archive() {
    # shellcheck disable=SC2046,SC2086
    $compiler -std=c++20 "$waiting" -o "$1" $(pkg_config --cflags coir) -L"$libdir" \
        -Wl,--whole-archive -l:libcoir-legacy.a -Wl,--no-whole-archive -l:libcoir.a \
        -lboost_context -luring -pthread
}
if [ -e "$libdir/libcoir-legacy.a" ] && [ -e "$static" ]; then
    check "libcoir-legacy.a: builds, beside the shared library" by_legacy_archive "$scratch/legacy-archive"
    check "libcoir-legacy.a: needs no library of coir's" needs_no_coir "$scratch/legacy-archive"
    check "libcoir-legacy.a: the calls of tasks wait at once" run_program "$scratch/legacy-archive" at-once
else
    skip "libcoir-legacy.a" "this build has none"
fi

# ---- CMake ----

by_cmake() { # FOLDER TARGET [SOURCE]
    mkdir -p "$1"
    cat >"$1/CMakeLists.txt" <<TEXT
cmake_minimum_required(VERSION 3.16)
project(consumer CXX)
find_package(coir 0.1 REQUIRED)
add_executable(consumer "${3:-$consumer}")
target_link_libraries(consumer PRIVATE $2)
TEXT
    cmake -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$1/build"
}
refuses_other_versions() {
    mkdir -p "$scratch/cmake-version"
    cat >"$scratch/cmake-version/CMakeLists.txt" <<TEXT
cmake_minimum_required(VERSION 3.16)
project(consumer CXX)
find_package(coir 0.2)
if(coir_FOUND)
    message(FATAL_ERROR "0.2 was satisfied")
endif()
TEXT
    cmake -S "$scratch/cmake-version" -B "$scratch/cmake-version/build" -DCMAKE_PREFIX_PATH="$prefix"
}
if ! command -v cmake >/dev/null 2>&1; then
    skip "the CMake package" "cmake is not installed"
else
    check "CMake, coir::coir: builds" by_cmake "$scratch/cmake-default" coir::coir
    check "CMake, coir::coir: runs" run_program "$scratch/cmake-default/build/consumer"
    if [ -e "$static" ]; then
        check "CMake, coir::coir_static: builds" by_cmake "$scratch/cmake-static" coir::coir_static
        check "CMake, coir::coir_static: runs" run_program "$scratch/cmake-static/build/consumer"
        check "CMake, coir::coir_static: does not need libcoir.so" \
            needs_no_coir "$scratch/cmake-static/build/consumer"
    fi
    if [ -e "$libdir/libcoir-legacy.so" ]; then
        check "CMake, coir::coir_legacy: builds" by_cmake "$scratch/cmake-legacy" coir::coir_legacy "$waiting"
        check "CMake, coir::coir_legacy: the calls of tasks wait at once" \
            run_program "$scratch/cmake-legacy/build/consumer" at-once
    fi
    if [ -e "$libdir/libcoir-legacy-wrap.a" ]; then
        check "CMake, coir::coir_legacy_static: builds" \
            by_cmake "$scratch/cmake-legacy-static" coir::coir_legacy_static "$source/examples/hello.cpp"
        check "CMake, coir::coir_legacy_static: runs" \
            run_program "$scratch/cmake-legacy-static/build/consumer"
    fi
    check "CMake refuses another minor version" refuses_other_versions
fi

# ---- Meson, as a subproject ----

as_subproject() {
    mkdir -p "$scratch/sub/subprojects/coir"
    for part in "$source"/*; do
        case $(basename "$part") in
            build*) ;;
            *) ln -s "$part" "$scratch/sub/subprojects/coir/" ;;
        esac
    done
    cp "$consumer" "$scratch/sub/"
    cat >"$scratch/sub/meson.build" <<'TEXT'
project('consumer', 'cpp', default_options: ['cpp_std=c++20'])
coir = dependency('coir', fallback: 'coir', default_options: ['default_library=static'])
executable('consumer', 'consumer.cpp', dependencies: coir)
TEXT
    PKG_CONFIG_PATH='' meson setup "$scratch/sub/build" "$scratch/sub" --wrap-mode=forcefallback &&
        ninja -C "$scratch/sub/build" consumer
}
if [ "${COIR_PACKAGING_BRIEF:-}" = 1 ]; then
    skip "the Meson subproject" "it builds the library anew, and brief was asked for"
else
    check "Meson subproject, static: builds" as_subproject
    check "Meson subproject, static: runs" run_program "$scratch/sub/build/consumer"
    check "Meson subproject, static: does not need libcoir.so" \
        needs_no_coir "$scratch/sub/build/consumer"
fi

finish
