// Containers for one command, however they came to be described.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/core/json.hpp"
#include "engine_containers.hpp"

namespace bgdeploy::runtime {

// One that no other container has.
std::string one_off_name(const spec::Spec& spec);
std::map<std::string, std::string> one_off_labels(const spec::Spec& spec, const OneOff::Request& request);
// Turns the request for a container into one that runs once: nothing restarts it, nothing judges its health,
// nothing is published, and its streams are the console's.
void make_one_off(core::Json& body, engine::Console* console);

// As OneOff has it.
Result<std::vector<std::string>> remove_one_offs(const EngineHost& on,
                                                 const std::function<bool(const std::string&)>& ended,
                                                 const Wait& wait);

class OneOffContainer {
public:
  OneOffContainer(engine::Client& client, const Inspection::Output& output)
      : m_client(client), m_output(output) {}

  // As OneOff::run_once. The networks are there.
  Result<int> run(const ContainerRequest& request, engine::Console* console, const Wait& wait);

private:
  Result<int> start_and_join(const ContainerRequest& request, engine::Console* console, const Wait& wait);
  Result<int> not_started(core::Error error, const Wait& wait);
  core::Error end(core::Error why);
  void discard(const std::string& id);

  engine::Client& m_client;
  const Inspection::Output& m_output;
  std::string m_id;
  std::unique_ptr<engine::Attachment> m_streams;
};

}  // namespace bgdeploy::runtime
