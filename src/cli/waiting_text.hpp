// What waits for `promote`, and the way back, as `status` shows them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/deploy/status.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::cli {

// Lines; none where nothing waits and there is no way back.
std::string waiting_text(const spec::Spec& spec, const deploy::Survey& survey, core::SystemTime now);
// Null where nothing waits.
nlohmann::ordered_json waiting_json(const spec::Spec& spec, const deploy::Survey& survey);
// Null where there is no way back.
nlohmann::ordered_json way_back_json(const deploy::Survey& survey);

}  // namespace bgdeploy::cli
