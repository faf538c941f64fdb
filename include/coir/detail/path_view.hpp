// SPDX-License-Identifier: BSL-1.0
// What names a file in a call: text, or anything like std::filesystem::path, of which this header
// knows nothing. Internal; the type appears in public signatures.
#pragma once

#include <coir/detail/config.hpp>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace coir {
inline namespace v0 {
namespace detail {

template <class P>
concept HasNativePath = requires(const P& path) {
    { path.native() } -> std::convertible_to<const std::string&>;
};

/// Refers to its argument for the time of the call.
class PathView {
public:
    PathView(std::string_view text) noexcept : text_(text) {}
    PathView(const std::string& text) noexcept : text_(text) {}
    PathView(const char* text) : text_(text ? text : "") {}
    template <HasNativePath P>
    PathView(const P& path) noexcept : text_(path.native()) {}

    std::string_view text() const noexcept { return text_; }

private:
    std::string_view text_;
};

}  // namespace detail
}  // namespace v0
}  // namespace coir
