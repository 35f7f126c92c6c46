// What slots without ports, and `order: stop_first`, mean for the rest of the spec.
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

void check_worker(const Value& root, const Spec& spec) {
  if (spec.proxied)
    root.get("proxy").error_at_key(
        "needs slots with ports, {blue: 8081, green: 8082}; a worker, whose slots are a list, has "
        "`proxy: none`");
  const Value health = root.get("health");
  if (const auto* http = std::get_if<HealthHttp>(&spec.health.probe); http != nullptr && !http->port)
    health.get("http").error_at_key("must name the container's `port`, since the slots have none");
  if (std::holds_alternative<HealthTcp>(spec.health.probe) && health.get("tcp").present())
    health.get("tcp").error_at_key("has no meaning where the slots have no ports");
  if (spec.health.direct)
    health.get("via").error_at_key("must be host where the slots have no ports: nothing is published");
  for (const char* key : {"container_port", "host_ip"})
    if (const Value value = root.get("docker").get(key); value.present())
      value.error_at_key("has no meaning where the slots have no ports");
}

void check_stop_first(const Value& root, const Spec& spec) {
  const Value order = root.get("order");
  if (spec.proxied)
    order.error_at_key("must be start_first behind a proxy: nobody would be served in between");
  if (spec.retire == Retire::keep)
    order.error_at_key("must be start_first with `retire: keep`, which lets both run");
  if (root.get("watch").present())
    order.error_at_key(
        "and watch exclude each other: the old slot does not run any more while it is watched");
}

}  // namespace

void check_workers(const Value& root, const Spec& spec) {
  if (root.get("slots").is(Node::Kind::list) && !spec.slots[0].name.empty()) check_worker(root, spec);
  if (spec.order == Order::stop_first) check_stop_first(root, spec);
}

}  // namespace bgdeploy::spec
