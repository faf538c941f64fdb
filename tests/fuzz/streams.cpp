// SPDX-License-Identifier: BSL-1.0
// The readers of streams, on a simulated connection that brings the payload in pieces: each gives what it
// would give if all had been there at once.
#include "fuzz.hpp"

#include <coir/coir.hpp>
#include <coir/testing.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <vector>

namespace {

using coir_fuzz::require;
using Separators = std::vector<std::string_view>;

// What is left of the payload, and what a reader must give of it.
class Model {
public:
    Model(std::string_view text, std::size_t limit) : left_(text), limit_(limit) {}

    /// Of the separator that ends first: where it ends, and where it, or one that ends there too, begins.
    struct Found {
        std::size_t end = std::string_view::npos;
        std::size_t first_begin = 0;
        std::size_t last_begin = 0;
    };
    Found find(const Separators& separators) const {
        Found found;
        for (const std::string_view separator : separators) {
            const std::size_t begin = left_.find(separator);
            if (begin == std::string_view::npos) continue;
            const std::size_t end = begin + separator.size();
            if (end < found.end) found = {end, begin, begin};
            if (end == found.end) {
                found.first_begin = std::min(found.first_begin, begin);
                found.last_begin = std::max(found.last_begin, begin);
            }
        }
        return found;
    }
    std::string_view left() const { return left_; }
    std::size_t limit() const { return limit_; }
    void take(std::string_view got, const char* reader) {
        require(left_.substr(0, got.size()) == got, std::string(reader) + " gives what comes next");
        left_.remove_prefix(got.size());
    }

private:
    std::string_view left_;
    const std::size_t limit_;
};

void read_until(coir::Stream& stream, Model& model, const Separators& separators) {
    const Model::Found found = model.find(separators);
    const bool there = found.end != std::string_view::npos;
    try {
        const std::string got = stream.read_until(separators);
        require(there && got.size() == found.end, "read_until ends with the separator that ends first");
        require(found.first_begin <= model.limit(), "read_until respects the limit");
        model.take(got, "read_until");
    } catch (const coir::LimitOverrunError&) {
        // All stays in the stream.
        require((there ? found.last_begin : model.left().size()) > model.limit(), "the limit was reached");
    } catch (const coir::IncompleteReadError& error) {
        require(!there, "read_until gives up only where there is no separator");
        require(error.partial() == model.left(), "read_until gives all that is left");
        model.take(error.partial(), "read_until");
    }
}

// Returns whether it is known what is left.
bool read_line(coir::Stream& stream, Model& model) {
    const Model::Found found = model.find({"\n"});
    const bool there = found.end != std::string_view::npos;
    const std::size_t length = there ? found.first_begin : model.left().size();
    try {
        const std::optional<std::string> got = stream.readline();
        require(got.has_value() == !model.left().empty(), "readline gives nothing at the end only");
        if (!got) return true;
        require(length <= model.limit(), "readline respects the limit");
        require(got->size() == (there ? found.end : length), "readline gives a line");
        model.take(*got, "readline");
        return true;
    } catch (const coir::LimitOverrunError&) {
        require(length > model.limit(), "the limit was reached");
        return false;  // how much of the line had come, and is dropped, is the pieces' doing
    }
}

void read_exactly(coir::Stream& stream, Model& model, std::size_t size) {
    try {
        const std::string got = stream.read_exactly(size);
        require(got.size() == size, "read_exactly gives so many bytes");
        model.take(got, "read_exactly");
    } catch (const coir::IncompleteReadError& error) {
        require(size > model.left().size() && error.partial() == model.left(), "read_exactly gives all that is left");
        model.take(error.partial(), "read_exactly");
    }
}

void read_some(coir::Stream& stream, Model& model, std::size_t size) {
    const std::string got = stream.read(size);
    require(got.size() <= size && got.empty() == model.left().empty(), "read gives something, but no more");
    model.take(got, "read");
}

bool read(coir::Stream& stream, Model& model, unsigned operation) {
    const std::size_t size = 1 + operation / 8;
    switch (operation % 8) {
        case 0:
        case 1: return read_line(stream, model);
        case 2: read_until(stream, model, {"\n"}); break;
        case 3: read_until(stream, model, {"\r\n", "\n"}); break;
        case 4: read_until(stream, model, {"ab", "b", "aab"}); break;
        case 5: read_until(stream, model, {"\r\n\r\n"}); break;
        case 6: read_exactly(stream, model, size); break;
        default: read_some(stream, model, size); break;
    }
    return true;
}

void write_in_pieces(coir::Stream& stream, std::string_view payload, unsigned most) {
    while (!payload.empty()) {
        const std::size_t size = std::min<std::size_t>(payload.size(), 1 + most);
        stream.write(payload.substr(0, size));
        payload.remove_prefix(size);
        coir::sleep(std::chrono::microseconds(10));
    }
    stream.close();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    coir_fuzz::Input input(data, size);
    coir::testing::SimOptions options;
    options.seed = input.byte();
    options.faults = coir::testing::SimFaults{};
    options.faults->partial = 0.3;
    options.faults->small_buffers = options.seed % 2 == 0;
    coir::StreamOptions stream_options;
    stream_options.limit = 1 + input.byte();
    coir::ConnectOptions connect_options;
    connect_options.limit = stream_options.limit;
    const unsigned piece = input.byte();
    std::vector<unsigned> operations(input.byte() % 32);
    for (unsigned& operation : operations) operation = input.byte();
    const std::string_view payload = input.rest().substr(0, 4096);
    coir::testing::run(
        [&] {
            coir::Server server = coir::start_server(
                [&](coir::Stream& stream) { write_in_pieces(stream, payload, piece); }, "127.0.0.1", 0);
            coir::Stream stream = coir::open_connection("127.0.0.1", server.port(), connect_options);
            Model model(payload, connect_options.limit);
            for (const unsigned operation : operations) {
                if (!read(stream, model, operation)) break;
            }
            stream.abort();
            server.close();
            server.abort_clients();
        },
        options);
    return 0;
}
