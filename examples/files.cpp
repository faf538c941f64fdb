// SPDX-License-Identifier: BSL-1.0
// Files: several at once, a whole one replaced atomically, a directory watched.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

std::size_t lines_of(const std::string& path) {
    const std::string text = coir::read_file(path);
    std::size_t lines = 0;
    for (const char c : text) lines += c == '\n' ? 1 : 0;
    return lines;
}

int main() {
    char folder_name[] = "/tmp/coir-files-XXXXXX";
    if (!::mkdtemp(folder_name)) return 1;
    const std::string folder = folder_name;
    coir::run([&] {
        coir::write_file(folder + "/poem", "roses\nviolets\n");
        coir::write_file(folder + "/list", "1\n2\n3\n");
        const auto [poem, list] = coir::gather([&] { return lines_of(folder + "/poem"); },
                                               [&] { return lines_of(folder + "/list"); });
        std::printf("%zu and %zu lines\n", poem, list);

        auto log = coir::File::open(folder + "/log", O_RDWR | O_CREAT | O_APPEND);
        log.write("first\n");
        log.write("second\n");
        log.fdatasync();
        char start[5];
        log.read_at(start, 6);
        std::printf("at byte 6: %.*s\n", 5, start);
        log.close();

        coir::FsWatcher watcher;
        watcher.add(folder);
        auto change = coir::create_task([&] {
            for (;;) {
                const coir::FsEvent event = watcher.next();
                if (event.kind == coir::FsEventKind::moved_to) return event.path;
            }
        });
        // Whoever reads it finds the old list or the new one, never a part.
        coir::write_file(folder + "/list", "1\n2\n3\n4\n", {.atomic = true});
        std::printf("changed: %s\n", coir::await(change).substr(folder.size()).c_str());

        for (const coir::DirEntry& entry : coir::list_dir(folder)) {
            std::printf("%s\n", entry.name.c_str());
            coir::remove(folder + "/" + entry.name);
        }
        coir::remove(folder);
    });
}
