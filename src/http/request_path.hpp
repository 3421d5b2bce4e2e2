/// The path of a request in the one form that rules are written for: decoded, without "//", "." and "..".
///
/// A rule with `path: /login` is worth something only if the application's login page has no second name that
/// the rule does not know. Most gateways and applications route `/%6Cogin`, `//login` and `/a/../login` to
/// it, so these are made one, as nginx does for `location` (and Envoy with normalize_path and merge_slashes):
/// cut off query and fragment, percent-decode once, merge slashes, resolve dot segments. Where that is more
/// than the application does, two of its pages share a limit; where it were less, a client could walk around
/// it.
///
/// What differs for nginx's `location = /login` differs here too: `/login/`, `/Login`, `/login;x=1` (a rule
/// for "/login*" takes the first and the last), and `/%256Cogin`, for decoding twice would be wrong
/// everywhere but behind two decoders. A '%' without two hex digits stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace starling::http {

/// `target`: what follows the method in a request line, or a whole URL. The result always begins with '/',
/// and is a view into `target` where nothing had to be changed, else into `scratch`.
std::string_view normal_path(std::string_view target, std::string& scratch);

/// What stands before the path of a whole URL; both empty if `target` is none.
struct UrlOrigin {
  std::string_view scheme;
  std::string_view authority;
};
UrlOrigin origin_of(std::string_view target);

}  // namespace starling::http
