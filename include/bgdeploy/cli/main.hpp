// The program: command line in, exit code out.
#pragma once

namespace bgdeploy::cli {

// Exit codes are those of the documentation: 0 done, 1 failed, 2 usage, 3 unreachable, 4 locked, 5 inconsistent,
// 6 done but for the clean-up, 130 interrupted.
int main(int argc, char** argv);

}  // namespace bgdeploy::cli
