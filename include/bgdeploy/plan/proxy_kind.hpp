// What the program knows of a kind of proxy without asking a host: what it can do, its words, and how it is
// told of backends. Pure. What a kind does on hosts is in proxy/kinds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

struct Switch;

struct ProxyKind {
  std::string_view name;  // as `proxy:` has it, and as messages call it

  struct Can {
    bool be_switched = false;            // bgdeploy tells it which slot to send to
    bool split_traffic = false;          // it takes weights
    bool test_before_switch = false;     // what it will be told, while it goes on with what it was told
    bool observe_drain = false;          // it is seen when the old slot has no requests left
    bool switch_without_reload = false;  // no new processes, so none of an earlier configuration
  } can;

  // Where is written which slot is to serve, in words. Without a slot: of all of them.
  std::string (*file)(const spec::Spec&, std::optional<std::size_t> slot) = nullptr;
  // What that is: "include".
  std::string_view (*file_word)(const spec::Spec&) = nullptr;
  // The file as the user wrote it, with its placeholders. The history tells environments apart by it.
  std::string (*file_pattern)(const spec::Spec&) = nullptr;
  // The folder beside that file, if everybody who deploys can write there. Otherwise the lock lies where the
  // history does.
  std::optional<std::string> (*lock_folder)(const spec::Spec&) = nullptr;

  // What the spec says of backends, in place of where they are published.
  struct Told {
    std::optional<std::string> address, port;  // with † placeholders
    bool finds_unpublished = false;            // the spec, or what it leads to, says how to get there
    bool addresses = false;                    // by us; whole files have addresses of their own
  };
  Told (*told)(const spec::Spec&) = nullptr;
  // Whether it is told of a port that only the image knows.
  bool (*names_container_port)(const spec::Spec&) = nullptr;
  // Why a proxy on `networks` of its own does not get to that backend. See unreachable_from_container().
  std::optional<core::Error> (*unreachable)(const spec::Spec&, const Backend&, const std::string& ip,
                                            const std::vector<std::string>& networks) = nullptr;

  // The steps, in words; `addresses`: what it is going to be told.
  std::string (*switch_words)(const spec::Spec&, const Switch&, const std::string& addresses) = nullptr;
  std::string (*undo_words)(const spec::Spec&) = nullptr;  // empty: nothing to be undone
  std::string (*drain_words)(const spec::Spec&, std::size_t slot) = nullptr;
  std::string_view leaving_words{};  // of AwaitLeaving
  // Where the end of the old slot's requests cannot be seen: how long it may take until all go to the new
  // one.
  core::Duration blind_drain{};

  // What to type by hand so that it sends to `slot`; nothing if only the user's own template knows.
  std::string (*by_hand)(const spec::Spec&, const Places&, std::size_t slot) = nullptr;
  std::string (*how_to_start)(const spec::Spec&) = nullptr;
  // What this kind cannot promise, and the way out of it.
  std::vector<std::string> (*cautions)(const spec::Spec&) = nullptr;
};

const ProxyKind& proxy_kind(const spec::Spec& spec);

// All of them; the last is that of a spec without a proxy.
std::vector<const ProxyKind*> proxy_kinds();

// "nginx is not running on web-1"
std::string not_running(const spec::Spec& spec, const std::string& host);
// The same where somebody was served before: kind inconsistent, with how to start it.
core::Error nobody_is_served(const spec::Spec& spec, const std::string& host);
// "look at nginx's error log, and with `bgdeploy check`"
std::string where_to_look(const spec::Spec& spec);

}  // namespace bgdeploy::plan
