// Reading the values that the spec only points at: environment variables, files, commands on this machine.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/report/redact.hpp"
#include "bgdeploy/runtime/runtime.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/sources.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// The values of `secrets:`, of `registry.password`, of every env_file and of `docker.environment` where it
// names a variable only. Of files and commands one newline at the end is dropped, as editors and `echo` leave
// one. A command runs in the spec's folder and has 30 s.
//
// An env_file is read as compose reads it (spec/dotenv.hpp). `secrets:` rank above it, later files above
// earlier.
//
// Kinds: usage (unset variable, missing file or program, malformed env_file, a command that failed or took
// too long; only its exit code is told, since its output may hold the secret), cancelled. Several problems
// are told at once, as details. No message holds a value.
core::Result<runtime::SecretValues> read_secrets(const spec::Spec& spec, const spec::Environment& variables,
                                                 const core::Wait& wait);

// One value. The same kinds, without the name of what it is for.
core::Result<core::Secret> read_secret(const spec::Spec& spec, const spec::SecretSource& source,
                                       const spec::Environment& variables, const core::Wait& wait);
// The same of a release that is not of today's spec: its environment alone.
core::Result<std::map<std::string, core::Secret>> read_sources(const spec::Spec& spec,
                                                               const spec::Sources& sources,
                                                               const std::vector<std::string>& inherited,
                                                               const spec::Environment& variables,
                                                               const core::Wait& wait);
// And of `registry.password` alone: what pulls is today's.
core::Result<std::optional<core::Secret>> read_registry_password(const spec::Spec& spec,
                                                                 const spec::Environment& variables,
                                                                 const core::Wait& wait);
spec::Sources sources_of(const spec::Spec& spec);

// Keeps the values of `secrets:` and `registry.password` out of all further events. Those of an env_file are
// shown: they are mostly plain words ("prod", "8080") that other texts hold too.
void hide_secrets(const spec::Spec& spec, const runtime::SecretValues& values, report::Redactor& redactor);

// The same for what only looks: of `secrets:` those of environment variables and files, as far as they are
// there. Returns the keys of those that are too short to be hidden.
std::vector<std::string> hide_what_is_at_hand(const spec::Spec& spec, const spec::Environment& variables,
                                              report::Redactor& redactor);

}  // namespace bgdeploy::deploy
