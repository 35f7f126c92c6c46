#include "bgdeploy/cli/main.hpp"

int main(int argc, char** argv) { return bgdeploy::cli::main(argc, argv); }
