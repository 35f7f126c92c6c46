// The kinds of runtimes. A new one is a folder with an entry here, its traits (spec/runtime), and what it
// runs (plan::Configuration).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "engine_containers.hpp"

namespace bgdeploy::runtime {

struct Kind {
  std::string_view name;  // as its spec::RuntimeTraits and its records in the history have it
  std::unique_ptr<Runtime> (*on)(EngineHost);
  // As in launches.hpp.
  Result<plan::Configuration> (*by_spec)(const spec::Spec& spec, const plan::Release& release);
  Result<void> (*complete)(const spec::Spec& spec, plan::Launch& launch);
  std::string (*record)(const plan::Configuration& with);
  Result<plan::Configuration> (*read)(const std::string& record);
  std::map<std::string, std::string> (*flat)(const plan::Configuration& with);  // by the keys of its section
  Result<void> (*check)(const spec::Spec& spec);
};

Kind docker_kind();
Kind compose_kind();

}  // namespace bgdeploy::runtime
