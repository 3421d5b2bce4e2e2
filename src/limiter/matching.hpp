/// Does a descriptor fit what a rule, an override or a list asks for?
///
/// A match asks for keys; other entries of the descriptor do not matter, unless a rule is `exact`. If a key
/// is there twice the first one is looked at.
#pragma once

#include <starling/request.hpp>

#include <span>
#include <string_view>

#include "limiter/rules.hpp"

namespace starling {

/// The first entry with this key, or null.
const Entry* find_entry(const Descriptor& descriptor, std::string_view key);

/// True if every key is there and its value fits. Shape: O(matchers x entries).
bool fits(std::span<const Matcher> match, const Descriptor& descriptor);

/// The same for a rule: an `exact` one takes no entry beyond those it asks for, as a tree of nested
/// descriptors in an Envoy file takes no deeper request.
bool fits(const Rule& rule, const Descriptor& descriptor);

}  // namespace starling
