// What the other rooms have to know of the runtime that a spec chooses, as values.
#pragma once

#include <cstddef>
#include <string_view>

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::spec {

struct RuntimeTraits {
  std::string_view name;  // its section of the spec
  // A stopped container can be moved out of the way of a new one, and back.
  bool sets_aside = true;
  // Making a container may pull other images than the release's own.
  bool pulls_itself = false;
  // Each container says itself how long it may take to stop.
  bool own_grace = false;
  // Files of the user describe what runs, and only the host can tell what they mean.
  bool by_files = false;
  // For messages: where the user writes which ports are published, and which networks are joined.
  std::string_view ports, networks;
};

const RuntimeTraits& runtime_of(const Spec& spec);

// Whether the slot's container bears the slot's `container` as its name; otherwise only the host knows the
// name.
bool names_container(const Spec& spec, std::size_t slot);

// How long a container that serves may take to stop: at most that long with `own_grace`.
Duration stop_grace(const Spec& spec);

}  // namespace bgdeploy::spec
