/// The body of a denial, in the form that the client asked for.
///
/// `{"message": ...}` unless `Accept` prefers `application/problem+json` (RFC 9457, with the problem type of
/// draft-ietf-httpapi-ratelimit-headers); plain text only for whoever takes neither. Preferred is the higher
/// quality, then what was named more specifically, then the first of those three; so "*/*" and no `Accept` at
/// all get the message. Who accepts none of them gets it as well: the status has said the rest.
#pragma once

#include <cstdint>
#include <span>

#include "frontend/policy_names.hpp"
#include "frontend/ranked_limits.hpp"
#include "http/handler.hpp"
#include "http/response.hpp"
#include "starling/request.hpp"

namespace starling::http {

enum class DenialForm : std::uint8_t { message, problem, text };

/// Malformed `Accept` fields are as good as none.
DenialForm choose_denial_form(std::span<const Header> headers);

struct DenialBody {
  DenialForm form = DenialForm::message;
  /// Spinnaker's wording instead of ours: its clients may look for it.
  bool as_spinnaker = false;
};

/// Writes body and Content-Type. `names`: assigned from the decision's limits if the form is a problem. The
/// response has its status.
void write_denial(const DenialBody& how, const Decision& decision, const RankedLimits& ranked,
                  const PolicyNames& names, Response& response);

}  // namespace starling::http
