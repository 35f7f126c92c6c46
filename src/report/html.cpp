#include "html.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

// Each text has a contrast of at least 7 against its ground, in either scheme.
constexpr std::string_view k_style = R"css(
:root{color-scheme:light dark;--ground:#fff;--text:#1b1c1e;--soft:#4d5156;--line:#d5d8dc;--track:#eceef1;
--plain:#3567b8;--good:#0b5c2b;--bad:#9c1320;--odd:#6f4300}
@media(prefers-color-scheme:dark){:root{--ground:#15171a;--text:#e9eaec;--soft:#b4b9c0;--line:#3a3f46;--track:#262a30;
--plain:#86b1f5;--good:#74d99a;--bad:#ff9a9a;--odd:#f2bd66}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,sans-serif}
header,main,footer{max-width:70rem;margin:auto;padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.5rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0;overflow-wrap:anywhere}
.soft,footer{color:var(--soft)}
.good{color:var(--good)}.bad{color:var(--bad)}.odd{color:var(--odd)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-top:1px solid var(--line)}
thead th{border:0;color:var(--soft);font-weight:normal;white-space:nowrap}
tbody th{font-weight:600;min-width:8rem}
th .soft,td .soft{font-weight:normal;display:block;overflow-wrap:anywhere}td .soft{min-width:5rem}
td.bar{width:40%;min-width:7rem;padding-right:0}
.track{position:relative;display:block;height:.8rem;margin-top:.35rem;background:var(--track)}
.track i{position:absolute;top:0;bottom:0;min-width:2px;background:var(--plain)}
.track i.good{background:var(--good)}.track i.bad{background:var(--bad)}.track i.odd{background:var(--odd)}
.track b{position:absolute;top:-.2rem;bottom:-.2rem;width:2px;background:var(--text)}
pre{background:var(--track);padding:.75rem;overflow-x:auto;font-size:.85rem}
footer{padding-bottom:2rem;margin-top:2rem;font-size:.85rem}
@media print{:root{color-scheme:light;--ground:#fff;--text:#000;--soft:#333;--line:#bbb;--track:#eee;--plain:#3567b8;
--good:#0b5c2b;--bad:#9c1320;--odd:#6f4300}.track,.track *{print-color-adjust:exact}tr{break-inside:avoid}
pre,p{white-space:pre-wrap}.wide,pre{overflow:visible}thead th{white-space:normal}
th,td{overflow-wrap:anywhere}tbody th,td.bar{min-width:4rem}}
)css";

}  // namespace

std::string as_html(std::string_view text) {
  std::string safe;
  for (const char c : one_line(text)) {
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
      safe += fmt::format("&#{};", static_cast<int>(c));
    else
      safe += c;
  }
  return safe;
}

std::string element(std::string_view tag, std::string_view text, std::string_view kind) {
  return fmt::format("<{0}{1}>{2}</{0}>", tag, kind.empty() ? "" : fmt::format(" class=\"{}\"", kind),
                     as_html(text));
}

std::string html_of(const Bar& bar) {
  // However short, it is seen.
  const double from = std::clamp(bar.from, 0., .995), to = std::clamp(bar.to, from, 1.);
  return fmt::format(
      "<span class=\"track\" aria-hidden=\"true\"><i class=\"{}\" style=\"left:{:.2f}%;width:{:.2f}%\"></i>{}"
      "</span>",
      bar.kind, from * 100, (to - from) * 100,
      bar.mark ? fmt::format("<b style=\"left:{:.2f}%\"></b>", std::clamp(*bar.mark, 0., 1.) * 100) : "");
}

Table::Table(std::string_view title, std::initializer_list<std::string_view> columns) : m_title(title) {
  for (const std::string_view column : columns) m_head += "<th scope=\"col\">" + as_html(column) + "</th>";
}

void Table::row(std::initializer_list<std::string_view> html_cells) {
  m_rows += "<tr>";
  for (const std::string_view& cell : html_cells)
    if (&cell == html_cells.begin())
      m_rows += fmt::format("<th scope=\"row\">{}</th>", cell);
    else
      m_rows +=
          fmt::format("<td{}>{}</td>", cell.starts_with("<span class=\"track") ? " class=\"bar\"" : "", cell);
  m_rows += "</tr>\n";
}

std::string Table::html(std::string_view note) const {
  if (m_rows.empty()) return "";
  return fmt::format(
      "<section aria-label=\"{0}\"><h2>{0}</h2>{1}\n<div class=\"wide\" role=\"region\" tabindex=\"0\" "
      "aria-label=\"{0}, "
      "table\"><table><thead><tr>{2}</tr></thead><tbody>\n{3}</tbody></table></div></section>\n",
      as_html(m_title), note.empty() ? "" : element("p", note, "soft"), m_head, m_rows);
}

std::string html_page(std::string_view title, std::string_view html_body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>{}</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"/>\n<style>{}</style></head>\n<body>\n{}</body></html>\n",
      as_html(title), k_style, html_body);
}

std::string exact(core::Duration duration) {
  // A line does not break between the number and its unit.
  return duration < std::chrono::seconds(1) ? fmt::format("{}\u00a0ms", duration.count())
                                            : short_duration(duration);
}

std::string utc(core::SystemTime time) {
  std::string text = core::format_time(time);
  std::ranges::replace(text, 'T', ' ');
  text.pop_back();
  return text + " UTC";
}

}  // namespace bgdeploy::report
