#include "bgdeploy/cli/main.hpp"

#ifdef BGDEPLOY_STATIC
#include <nss.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

// In the place of libstdc++'s, which brings a demangler of 50 kB to name the exception's type.
void __gnu_cxx::__verbose_terminate_handler() {
  std::fputs("bgdeploy: an exception was not caught, which is a defect of bgdeploy\n", stderr);
  std::abort();
}

// What /etc/nsswitch.conf names beside them are modules of the machine's glibc, which is not the one in here.
static void look_names_up_without_modules() {
  for (const char* database : {"passwd", "group"}) __nss_configure_lookup(database, "files");
  __nss_configure_lookup("hosts", "files dns");
}
#endif

int main(int argc, char** argv) {
#ifdef BGDEPLOY_STATIC
  look_names_up_without_modules();
#endif
  return bgdeploy::cli::main(argc, argv);
}
