// What commands print on stdout for people. Pure.
#pragma once

#include <string>
#include <vector>

#include "arguments.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "page.hpp"

namespace bgdeploy::cli {

std::string check_text(const std::vector<deploy::CheckItem>& items, const Page& page);
// `entries`: oldest first, as they are recorded.
std::string history_text(const std::vector<deploy::HistoryEntry>& entries, const Arguments& arguments,
                         const Page& page);
std::string history_json(const std::vector<deploy::HistoryEntry>& entries, const Arguments& arguments);

}  // namespace bgdeploy::cli
