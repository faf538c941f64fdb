// SPDX-License-Identifier: BSL-1.0
// What counts as bytes in the API: any contiguous range of byte-sized, trivially copyable elements;
// for input also text. Internal; the concepts appear in public signatures.
#pragma once

#include <coir/detail/config.hpp>
#include <concepts>
#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

namespace coir {
inline namespace v0 {
namespace detail {

template <class T>
concept ByteSized = sizeof(T) == 1 && std::is_trivially_copyable_v<T>;

/// A range that can be written into: char[512], std::array<std::byte, N>, std::string, std::span.
template <class R>
concept MutableBytes = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
    ByteSized<std::ranges::range_value_t<R>> &&
    !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

template <class R>
concept ByteRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
    ByteSized<std::ranges::range_value_t<R>>;

/// What can be sent: a ByteRange or text.
template <class R>
concept ConstBytes = ByteRange<R> || std::convertible_to<const R&, std::string_view>;

/// Several of these, which last while they are used: a range of strings or of views.
template <class R>
concept RangeOfBytes = std::ranges::input_range<R> &&
    ConstBytes<std::remove_reference_t<std::ranges::range_reference_t<R>>> &&
    (std::is_lvalue_reference_v<std::ranges::range_reference_t<R>> ||
     std::ranges::borrowed_range<std::ranges::range_reference_t<R>>);

/// The bytes of `source`. String literals and pointers are text: they end at their NUL. A char
/// array that is not const is a range of bytes, all of it.
template <ConstBytes R>
std::string_view bytes_of(const R& source) noexcept {
    if constexpr (ByteRange<const R&>) {
        return {reinterpret_cast<const char*>(std::ranges::data(source)),
                static_cast<std::size_t>(std::ranges::size(source))};
    } else {
        return std::string_view(source);
    }
}
template <std::size_t N>
std::string_view bytes_of(const char (&text)[N]) noexcept {
    const std::string_view all(text, N);
    return all.substr(0, all.find('\0'));
}

/// What a deduced `R&&` parameter stands for: distinguishes literals from buffers.
template <class R>
std::string_view bytes_of_argument(R& source) noexcept {
    if constexpr (std::is_array_v<R> && !std::is_const_v<std::remove_extent_t<R>>) {
        return {reinterpret_cast<const char*>(source), sizeof(R)};
    } else {
        return bytes_of(source);
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
