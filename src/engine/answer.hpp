// Reading what the daemon answers.
#pragma once

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/engine/http.hpp"

namespace bgdeploy::engine {

// Kind refused when it is no JSON, or none that docker gives: then something else answers.
inline core::Result<core::Json> parse_answer(std::string_view text) {
  return core::parse_json(text, "docker's answer");
}

// Of a status from 400 on: docker's own words.
core::Error docker_error(const Response& response);

// A number that docker cannot have meant is an error of docker's.
template <class T>
core::Result<T> answered(core::Result<T> read) {
  if (!read) return std::unexpected(std::move(read).error().within("docker's answer"));
  return read;
}

}  // namespace bgdeploy::engine
