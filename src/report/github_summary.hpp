// What a job of GitHub Actions keeps of a run: its summary in Markdown, and the outputs of its step.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/report/event.hpp"
#include "bgdeploy/report/layout.hpp"

namespace bgdeploy::report {

// Text that Markdown and HTML show as it is: all that could be markup is written as a character reference.
std::string for_markdown(std::string_view text);
// The headline, a table of the steps, and what led to a failure.
std::string github_summary(const Finished& event, const std::vector<Row>& steps);
// "result=succeeded\nfrom=1.0.0\n…": a line each, whatever the values hold.
std::string github_outputs(const Finished& event);

}  // namespace bgdeploy::report
