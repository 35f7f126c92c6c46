// The keys below `notify:`.
#include <fmt/format.h>

#include "bgdeploy/spec/notify.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

Type<std::vector<std::string>> results() {
  const auto read = [](const Value& value) -> std::optional<std::vector<std::string>> {
    if (!value.present()) return {};
    std::vector<std::string> found;
    const auto add = [&](const Value& one) {
      const auto word = one.matching(
          [](std::string_view text) { return std::ranges::find(k_results, text) != k_results.end(); },
          alternatives({k_results.begin(), k_results.end()}));
      if (word) found.push_back(*word);
    };
    if (value.is(Node::Kind::list))
      for (const Value& item : value.items()) add(item);
    else
      add(value);
    return found;
  };
  return {one_or_list(words_form({k_results.begin(), k_results.end()})), read};
}

Type<SecretSource> source() {
  return {
      section_form<source_keys>(), [](const Value& value) { return read_secret_source(value); },
      [](Writer& out, const std::string& name, const SecretSource& from) { write_source(out, name, from); }};
}

Field<Notify> url_key(Notify::Kind kind, std::string doc) {
  const std::string name(name_of(kind));
  const auto read = [kind](const Value& value, Notify& out) {
    auto url = source().read(value);
    if (!url) return;
    out.kind = kind;
    out.url = std::move(*url);
  };
  const auto write = [kind, name](Writer& out, const Notify& from) {
    if (from.kind == kind) write_source(out, name, from.url);
  };
  return key<Notify>(name, section_form<source_keys>(), read, write, std::move(doc));
}

const Table<Notify>& entry_keys() {
  static const Table<Notify> k_table(
      "notify[]",
      {url_key(Notify::Kind::slack, "Where the URL comes from of what takes a text as Slack does."),
       url_key(Notify::Kind::webhook, "Where the URL comes from of what takes the last event as JSON."),
       key("on", &Notify::on, results(), "The results that are told of, one or a list. Default: all.")},
      {"slack", "webhook"});
  return k_table;
}

}  // namespace

std::string_view name_of(Notify::Kind kind) {
  return kind == Notify::Kind::slack ? "slack" : "webhook";
}

const Section& notify_keys() {
  return entry_keys();
}

void read_notify(const Value& list, std::vector<Notify>& out) {
  if (!list.present()) return;
  for (const Value& item : list.items()) {
    if (!item.is_map()) continue;
    if (!item.need_one_of(entry_keys().exactly_one)) continue;
    Notify one;
    read_fields(entry_keys(), item, one);
    out.push_back(std::move(one));
  }
}

void write_notify(Writer& out, const Spec& spec) {
  if (spec.notify.empty()) return;
  out.list("notify", spec.notify.size(),
           [&](Writer& item, std::size_t i) { write_fields(entry_keys().fields, spec.notify.at(i), item); });
}

}  // namespace bgdeploy::spec
