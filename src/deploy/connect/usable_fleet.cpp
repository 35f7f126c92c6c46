#include "usable_fleet.hpp"

#include <algorithm>

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

namespace {

void leave_out(std::vector<spec::Host>& hosts, const std::vector<HostFailure>& failed) {
  std::erase_if(hosts, [&](const spec::Host& host) {
    return std::ranges::any_of(
        failed, [&](const HostFailure& failure) { return spec::same_machine(failure.host, host); });
  });
}

}  // namespace

Result<Fleet> open_usable_fleet(const Context& context, const Wait& wait, std::vector<HostFailure>& failed,
                                const runtime::SecretValues& secrets) {
  spec::Spec rest = context.spec;
  while (true) {
    std::vector<HostFailure> now;
    auto fleet = Fleet::connect(rest, wait, &now);
    const Result<void> opened =
        fleet ? fleet->open_docker(secrets, wait, &now) : Result<void>(std::unexpected(fleet.error()));
    if (opened) return fleet;
    if (now.empty() || context.stop.stop_requested()) return std::unexpected(opened.error());
    failed.insert(failed.end(), now.begin(), now.end());
    leave_out(rest.app_hosts, now);
    if (!fleet) leave_out(rest.proxy_hosts, now);
    if (rest.app_hosts.empty() || rest.proxy_hosts.empty() != context.spec.proxy_hosts.empty())
      return std::unexpected(merge(failed));
  }
}

}  // namespace bgdeploy::deploy
