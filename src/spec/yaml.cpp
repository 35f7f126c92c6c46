// Built from yaml-cpp's events instead of its nodes: those keep no place for keys, take duplicate keys, and
// expand aliases without a bound.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "bgdeploy/core/utf8.hpp"

#include "node.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::size_t k_yaml_bytes = 256 * 1024;  // the parser takes up to 250 times that
constexpr std::size_t k_most_values = 20'000;
constexpr std::size_t k_yaml_depth = 32;

// Leaves yaml-cpp's parser early; caught in parse_yaml.
struct Stop {
  Mark at;
  std::string message;
};

Mark to_mark(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

Mark mark_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<int>(line) + 1, static_cast<int>(offset - start) + 1};
}

// Beyond the text where it has no such line.
std::size_t offset_of(std::string_view text, Mark at) {
  std::size_t begin = 0;
  for (int line = 1; line < at.line; ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) return text.size();
    begin = end + 1;
  }
  return begin + static_cast<std::size_t>(std::max(at.column - 1, 0));
}

// Where the quote is closed that opens at `begin` (YAML 1.2.2, 7.3.1 and 7.3.2).
std::size_t end_of_quote(std::string_view text, std::size_t begin) {
  const char quote = text[begin];
  for (std::size_t at = begin + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || text.substr(at + 1, 1) != "'") return at;
      ++at;  // '' is a quote in the value
    }
  }
  return std::string_view::npos;
}

// yaml-cpp ends a bare value at every '?' inside brackets and braces; YAML only begins a key by one that
// stands alone (YAML 1.2.2, 7.3.3). The others pass as a byte that no text and no escape of YAML has.
constexpr char k_question = '\xC0';

std::string with_stand_ins(std::string_view text) {
  constexpr std::string_view k_white = " \t\r\n", k_flow = ",[]{}";
  std::string out(text);
  for (std::size_t at = text.find('?'); at != std::string_view::npos; at = text.find('?', at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\n';
    const char before = at > 0 ? text[at - 1] : '\n';
    bool alone = k_white.contains(before) || k_flow.contains(before);
    if (alone) {
      const std::size_t last = text.substr(0, at).find_last_not_of(" \t");
      alone = last == std::string_view::npos || std::string_view("\r\n,[]{}:-").contains(text[last]);
    }
    if (!alone || !(k_white.contains(next) || k_flow.contains(next))) out[at] = k_question;
  }
  return out;
}

struct Quote {
  Mark open, close;
};

class Builder final : public YAML::EventHandler {
public:
  Builder(std::string_view text, Diagnostics& diagnostics, Tags tags)
      : m_text(text), m_diagnostics(diagnostics), m_tags(tags) {}

  NodePtr root() const { return m_root; }
  // Of the last quoted value that takes several lines.
  const std::optional<Quote>& long_quote() const { return m_long_quote; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (m_root && m_root->kind == Node::Kind::list)
      throw Stop{m_root->at, "this begins a list; leave out the '- ' before the keys"};
    if (m_root) throw Stop{to_mark(mark), "there is a second document; one file holds one"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Node::Kind::null, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto target = m_anchors.find(anchor);
    if (target == m_anchors.end()) throw Stop{to_mark(mark), "the alias stands inside what it refers to"};
    count(target->second->weight, to_mark(mark));
    place(target->second, to_mark(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    check_quote(to_mark(mark));
    if (value.find('\0') != std::string::npos) throw Stop{to_mark(mark), "the value holds a NUL byte"};
    auto node = make(Node::Kind::scalar, mark);
    node->text = value;
    if (value.contains(k_question)) std::ranges::replace(node->text, k_question, '?');
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(Node::Kind::list, mark), mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(make(Node::Kind::map, mark), mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

private:
  struct Frame {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor;
    bool has_key = false;
    bool dropped = false;  // a second value of one key: read and forgotten
    Entry next;
    std::unordered_set<std::string> keys;
    std::vector<NodePtr> inherited;  // values of "<<"
  };

  std::shared_ptr<Node> make(Node::Kind kind, const YAML::Mark& mark) {
    count(1, to_mark(mark));
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->at = to_mark(mark);
    return node;
  }

  void count(std::size_t weight, Mark at) {
    m_values += weight;
    if (m_values > k_most_values) {
      throw Stop{at, fmt::format("there are more than {} values up to here, with aliases counted in full",
                                 k_most_values)};
    }
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    constexpr std::string_view k_core = "tag:yaml.org,2002:";
    if (m_tags == Tags::ignored || tag.empty() || tag == "?" || tag == "!") return;
    for (const auto* known : {"str", "int", "float", "bool", "null", "map", "seq"}) {
      if (tag == std::string(k_core) + known) return;
    }
    throw Stop{to_mark(mark), "custom YAML tags are not supported"};
  }

  // yaml-cpp takes the end of the file for the end of the quote.
  void check_quote(Mark at) {
    const std::size_t begin = offset_of(m_text, at);
    if (begin >= m_text.size() || (m_text[begin] != '"' && m_text[begin] != '\'')) return;
    const std::size_t end = end_of_quote(m_text, begin);
    if (end == std::string_view::npos)
      throw Stop{at, fmt::format("the quote that opens here is never closed: put a {} after the value",
                                 m_text[begin])};
    const Quote quote{at, mark_at(m_text, end)};
    if (quote.close.line > quote.open.line) m_long_quote = quote;
  }

  void open(std::shared_ptr<Node> node, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (m_frames.size() >= k_yaml_depth) {
      throw Stop{to_mark(mark), fmt::format("values are nested deeper than {}", k_yaml_depth)};
    }
    if (!m_frames.empty() && expects_key()) throw Stop{to_mark(mark), "a key must be plain text"};
    m_frames.push_back({std::move(node), anchor, false, false, {}, {}, {}});
  }

  void close() {
    Frame frame = std::move(m_frames.back());
    m_frames.pop_back();
    for (const auto& map : frame.inherited) inherit(frame, *map);
    frame.node->weight = 1;
    for (const auto& item : frame.node->items) frame.node->weight += item->weight;
    for (const auto& entry : frame.node->entries) frame.node->weight += entry.value->weight;
    add(frame.node, frame.anchor);
  }

  bool expects_key() const {
    return m_frames.back().node->kind == Node::Kind::map && !m_frames.back().has_key;
  }

  void add(NodePtr node, YAML::anchor_t anchor) {
    const Mark at = node->at;
    if (anchor != 0) m_anchors[anchor] = node;
    place(std::move(node), at);
  }

  void place(NodePtr node, Mark at) {
    if (m_frames.empty()) {
      m_root = std::move(node);
      return;
    }
    Frame& frame = m_frames.back();
    if (frame.node->kind == Node::Kind::list) {
      frame.node->items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, *node, at);
    } else {
      take_value(frame, std::move(node));
    }
  }

  void take_key(Frame& frame, const Node& key, Mark at) {
    if (key.kind != Node::Kind::scalar) throw Stop{at, "a key must be plain text"};
    frame.has_key = true;
    frame.next = {key.text, at, nullptr};
    frame.dropped = !frame.keys.insert(key.text).second;
    if (frame.dropped) m_diagnostics.error(at, fmt::format("key {} is there twice", in_quotes(key.text)));
  }

  void take_value(Frame& frame, NodePtr node) {
    frame.has_key = false;
    if (frame.dropped) return;
    if (frame.next.key == "<<") {
      take_merge(frame, node);
      return;
    }
    frame.next.value = std::move(node);
    frame.node->entries.push_back(std::move(frame.next));
  }

  // YAML's merge key: one map, or a list of maps; the first map wins.
  void take_merge(Frame& frame, const NodePtr& node) {
    std::vector<NodePtr> maps = node->kind == Node::Kind::list ? node->items : std::vector{node};
    for (const auto& map : maps) {
      if (map->kind != Node::Kind::map) throw Stop{frame.next.at, "'<<' takes a map, or a list of maps"};
      frame.inherited.push_back(map);
    }
  }

  static void inherit(Frame& frame, const Node& map) {
    for (const auto& entry : map.entries) {
      if (frame.keys.insert(entry.key).second) frame.node->entries.push_back(entry);
    }
  }

  const std::string_view m_text;
  Diagnostics& m_diagnostics;
  const Tags m_tags;
  std::optional<Quote> m_long_quote;
  NodePtr m_root;
  std::vector<Frame> m_frames;
  std::map<YAML::anchor_t, NodePtr> m_anchors;
  std::size_t m_values = 0;
};

// Bytes that yaml-cpp would silently take for something else, or for the end of the file.
bool check_bytes(std::string_view text, Diagnostics& diagnostics) {
  if (text.size() > k_yaml_bytes) {
    diagnostics.error({}, fmt::format("the file has {} bytes; at most 256 kB are read", text.size()));
    return false;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = core::utf8_length(text.substr(at));
    if (length == 0 || text[at] == '\0') {
      diagnostics.error(mark_at(text, at), length == 0 ? "this is not UTF-8" : "there is a NUL byte");
      return false;
    }
    at += length;
  }
  return true;
}

// yaml-cpp does not say what to do about the usual causes.
std::string advice(std::string_view text, Mark at, const std::optional<Quote>& quote) {
  if (quote && quote->close.line == at.line && quote->close.column <= at.column)
    return fmt::format("; the quote that opens in line {} ends only here: close it there", quote->open.line);
  const std::size_t offset = offset_of(text, at);
  const char c = offset < text.size() ? text[offset] : ' ';
  std::string_view line = text.substr(std::min(offset_of(text, {at.line, 1}), text.size()));
  line = line.substr(0, line.find('\n'));
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  if (line.substr(0, indent).find('\t') != std::string_view::npos)
    return "; indent with spaces, not with tabs";
  if (c == ':') return "; check the indentation, or put a value that holds ': ' in quotes";
  if (std::string_view("?@`%*&!{[").find(c) != std::string_view::npos) return "; put the value in quotes";
  return "";
}

}  // namespace

NodePtr parse_yaml(std::string_view text, Diagnostics& diagnostics, Tags tags) {
  if (!check_bytes(text, diagnostics)) return nullptr;
  Builder builder(text, diagnostics, tags);
  try {
    std::istringstream stream{with_stand_ins(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    diagnostics.error(stop.at, stop.message);
    return nullptr;
  } catch (const YAML::Exception& error) {
    // Its words may hold a part of the value (an anchor's name), which may be a secret.
    const std::string_view reason = std::string_view(error.msg).substr(0, error.msg.find(':'));
    const Mark at = to_mark(error.mark);
    diagnostics.error(
        at, fmt::format("this is not valid YAML: {}{}", reason, advice(text, at, builder.long_quote())));
    return nullptr;
  }
  if (!builder.root() || builder.root()->kind == Node::Kind::null) {
    diagnostics.error({}, "the file is empty");
    return nullptr;
  }
  return builder.root();
}

}  // namespace bgdeploy::spec
