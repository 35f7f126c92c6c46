#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/spec/schema.hpp"
#include "keys.hpp"

namespace bgdeploy::spec {
namespace {

using Json = nlohmann::ordered_json;

// A text with a variable: its value is unknown.
constexpr const char* k_substitution = "\\$\\{";

std::string whole_text(const std::string& pattern) {
  return fmt::format("^(?:{})$|{}", pattern, k_substitution);
}

class SchemaWriter {
public:
  Json run() {
    Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "bgdeploy.yml"},
                {"description", "What bgdeploy deploys, and where. docs/spec.md has the whole reference."}};
    schema.update(section(root_keys(), false));
    schema["anyOf"] = {{{"required", {"image"}}}, {{"required", {"compose"}}}};
    schema["$defs"] = std::move(m_definitions);
    return schema;
  }

private:
  // An environment is a part of a spec: in it nothing is required, and null takes away what the rest has.
  // Items of lists are whole, since lists are replaced.
  Json section(const Section& fixed, bool part) {
    Json schema{{"type", "object"}};
    Json defaults = Json::object(), properties = Json::object(), required = Json::array();
    if (fixed.write_defaults) {
      Writer out(defaults);
      fixed.write_defaults(out);
    }
    for (const Key& key : fixed.keys) {
      if (key.planned) continue;
      properties[key.name] =
          part && !holds_section(key.shape) ? likewise(fixed, key) : property(key, defaults, part);
      if (key.required) required.push_back(key.name);
    }
    if (!part && !required.empty()) schema["required"] = std::move(required);
    if (!part && !fixed.exactly_one.empty())
      for (const std::string& name : fixed.exactly_one) schema["oneOf"].push_back({{"required", {name}}});
    schema["additionalProperties"] = false;
    schema["properties"] = std::move(properties);
    return schema;
  }

  // Whether it has keys that an environment may leave out.
  static bool holds_section(const Shape& shape) {
    return std::ranges::any_of(shape, [](const Form& form) {
      return form.kind == Form::Kind::section || (form.kind == Form::Kind::map && holds_section(form.inside));
    });
  }

  // In an environment: what the key is elsewhere, or null.
  static Json likewise(const Section& fixed, const Key& key) {
    const bool at_root = &fixed == &overlay_keys();
    const std::string place =
        at_root ? "#/properties/" : fmt::format("#/$defs/{}/properties/", name_of(fixed));
    return {{"anyOf", {{{"$ref", place + key.name}}, {{"type", "null"}}}}};
  }

  // Without what has a meaning in a URI: "hosts.app[]" is "hosts.app", "slots.*" is "slots".
  static std::string name_of(const Section& fixed) {
    std::string name;
    for (const char c : fixed.path)
      if (c != '[' && c != ']' && c != '*') name += c;
    if (name.ends_with('.')) name.pop_back();
    return name;
  }

  Json property(const Key& key, const Json& defaults, bool part) {
    Json schema{{"description", key.doc}};
    if (key.per_slot)
      schema["description"] =
          fmt::format("{} {{slot}}, {{port}} and the like are replaced for each slot.", key.doc);
    if (const auto found = defaults.find(key.name); found != defaults.end() && !key.required)
      schema["default"] = *found;
    if (!key.examples.empty()) schema["examples"] = examples(key);
    schema.update(value(key.shape, part));
    return schema;
  }

  // Of a key that takes a list alone, one item is the example.
  static Json examples(const Key& key) {
    const auto is_text = [](const Form& form) {
      return form.kind != Form::Kind::list && form.kind != Form::Kind::map &&
             form.kind != Form::Kind::section;
    };
    if (std::ranges::any_of(key.shape, is_text)) return key.examples;
    Json lists = Json::array();
    for (const std::string& item : key.examples) lists.push_back(Json::array({item}));
    return lists;
  }

  Json value(const Shape& shape, bool part) {
    Json forms = Json::array();
    bool may_be_null = part;
    for (const Form& one : shape) {
      const Json schema = form(one, part);
      if (schema.contains("anyOf"))
        forms.insert(forms.end(), schema["anyOf"].begin(), schema["anyOf"].end());
      else
        forms.push_back(schema);
      may_be_null = may_be_null || one.nullable || is_empty_section(one);
    }
    if (may_be_null) forms.push_back({{"type", "null"}});
    return forms.size() == 1 ? forms.front() : Json{{"anyOf", std::move(forms)}};
  }

  // A section without a value is one without keys.
  static bool is_empty_section(const Form& form) {
    if (form.kind != Form::Kind::section) return false;
    const Section& fixed = form.section();
    return fixed.exactly_one.empty() && std::ranges::none_of(fixed.keys, &Key::required);
  }

  Json form(const Form& form, bool part) {
    switch (form.kind) {
      case Form::Kind::text:
        return scalar(form, form.scalars ? Json{"string", "number", "boolean"} : Json("string"));
      case Form::Kind::whole:
        return scalar(form, {"integer", "string"});
      case Form::Kind::number:
        return scalar(form, {"number", "string"});
      case Form::Kind::flag:
        return flag(form);
      case Form::Kind::words:
        return words(form);
      case Form::Kind::list:
        return list(form);
      case Form::Kind::map:
        return map(form, part);
      case Form::Kind::section:
        return reference(form.section(), part);
    }
    return {};
  }

  // A number may be written as text too. A pattern is asked about texts alone.
  static Json scalar(const Form& form, Json types) {
    Json schema{{"type", std::move(types)}};
    if (!form.pattern.empty()) schema["pattern"] = whole_text(form.pattern);
    if (form.least) schema["minimum"] = plain(*form.least);
    if (form.most) schema["maximum"] = plain(*form.most);
    return schema;
  }

  static Json plain(double number) {
    const bool is_whole = number == static_cast<double>(static_cast<std::int64_t>(number));
    return is_whole ? Json(static_cast<std::int64_t>(number)) : Json(number);
  }

  static Json flag(const Form& form) {
    Json schema = scalar(form, {"boolean", "string"});
    if (form.pattern != "true") return schema;
    return {{"anyOf", {{{"const", true}}, {{"type", "string"}, {"pattern", schema["pattern"]}}}}};
  }

  static Json words(const Form& form) {
    return {{"anyOf", {{{"enum", form.words}}, {{"type", "string"}, {"pattern", k_substitution}}}}};
  }

  Json list(const Form& form) {
    Json schema{{"type", "array"}, {"items", value(form.inside, false)}};
    if (form.least) schema["minItems"] = plain(*form.least);
    return schema;
  }

  Json map(const Form& form, bool part) {
    Json schema{{"type", "object"}, {"additionalProperties", value(form.inside, part)}};
    if (!form.pattern.empty()) schema["propertyNames"] = {{"pattern", fmt::format("^(?:{})$", form.pattern)}};
    if (form.least && !part) schema["minProperties"] = plain(*form.least);
    if (form.most && !part) schema["maxProperties"] = plain(*form.most);
    return schema;
  }

  Json reference(const Section& fixed, bool part) {
    const bool overlay = &fixed == &overlay_keys();
    const std::string name = overlay ? "environment" : (part ? "environment." : "") + name_of(fixed);
    if (!m_definitions.contains(name)) {
      m_definitions[name] = nullptr;  // a section may hold itself
      m_definitions[name] = section(fixed, part || overlay);
    }
    return {{"$ref", "#/$defs/" + name}};
  }

  Json m_definitions = Json::object();
};

}  // namespace

std::string json_schema() {
  return SchemaWriter().run().dump(2) + "\n";
}

}  // namespace bgdeploy::spec
