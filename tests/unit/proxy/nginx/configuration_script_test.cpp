// How the scripts read nginx's configuration.
#include <gmock/gmock.h>

#include "made_up_host.hpp"

namespace bgdeploy::proxy {
namespace {

class ConfigurationScript : public MadeUpHost {
protected:
  // The values of a directive in a dump, or in a main file alone.
  std::string values(const std::string& directive, const std::string& text) const {
    write("text", text);
    return say({"base", "command", "configuration"},
               fmt::format("directive {} \"$(cat {})\"", directive, path("text")));
  }
};
EVERY_SHELL(ConfigurationScript);

TEST_P(ConfigurationScript, TakesTheMainContextOnly) {
  EXPECT_EQ(
      values("error_log", "http { server { error_log /server; } error_log /http; }\nerror_log /main;\n"),
      "/main\n");
  EXPECT_EQ(values("error_log", "http { server { error_log /server; } error_log /http; }\n"), "");
  EXPECT_EQ(values("pid", "events { } http { } pid /run/a.pid; user www;"), "/run/a.pid\n");
  EXPECT_EQ(values("user", "mail { user inside; } user www-data www;"), "www-data\n");
}

TEST_P(ConfigurationScript, TakesWordsAsNginxCutsThem) {
  EXPECT_EQ(values("pid", "pid \"/run/my nginx.pid\";"), "/run/my nginx.pid\n");
  EXPECT_EQ(values("pid", "pid '/run/my \"nginx\".pid';"), "/run/my \"nginx\".pid\n");
  EXPECT_EQ(values("pid", R"(pid "/run/\"a\"\\b.pid";)"), "/run/\"a\"\\b.pid\n");
  EXPECT_EQ(values("error_log", "error_log \"/var/log/a;b#c{d}e.log\" warn;"), "/var/log/a;b#c{d}e.log\n");
  EXPECT_EQ(values("error_log", "error_log\n  # where to\n  /var/log/a.log\n  warn;"), "/var/log/a.log\n");
  EXPECT_EQ(values("pid", "pid /run/a#b.pid;"), "/run/a#b.pid\n");
  EXPECT_EQ(values("pid", "\tpid\t/run/a.pid ;\r\n"), "/run/a.pid\n");
}

TEST_P(ConfigurationScript, TakesSeveralOnOneLine) {
  EXPECT_EQ(values("error_log", "user a; error_log /1; error_log /2 warn; error_log \"/3 4\";pid /x;"),
            "/1\n/2\n/3 4\n");
}

TEST_P(ConfigurationScript, TakesNothingFromComments) {
  EXPECT_EQ(values("pid", "# pid /no;\nuser a; # pid /no; } {\npid /run/a.pid; # pid /no;\n"),
            "/run/a.pid\n");
  // An apostrophe or a brace in a comment opens nothing.
  EXPECT_EQ(values("pid", "http { # don't { {\n}\npid /run/a.pid;\n"), "/run/a.pid\n");
}

TEST_P(ConfigurationScript, BracesInWordsAreNoBlocks) {
  EXPECT_EQ(values("pid", "http { set $a \"}\"; set $b '{ ; {'; map ${x}y { a b; } }\npid /run/a.pid;"),
            "/run/a.pid\n");
  EXPECT_EQ(values("pid", "http {\n  log_format a '{ \"x\": \"$y\" '\n    'it\\'s {';\n}\npid /run/a.pid;\n"),
            "/run/a.pid\n");
  EXPECT_EQ(values("pid", "http { set $a \"over\n} pid /no;\nlines\"; }\npid /run/a.pid;"), "/run/a.pid\n");
}

TEST_P(ConfigurationScript, ReadsLuaAsLua) {
  EXPECT_EQ(values("pid", R"(http {
  init_by_lua_block {
    local a = "}" -- don't }
    local b = #a --[[ }
      } ]] local c = [==[ ]] } ]==]
    if #c > 1 then b = {c = {'\'}'}} end
  }
}
pid /run/a.pid;
)"),
            "/run/a.pid\n");
}

TEST_P(ConfigurationScript, FollowsTheIncludesOfTheMainContext) {
  const std::string dump = R"(nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
# configuration file /etc/nginx/nginx.conf:
include modules-enabled/*.conf; include "/etc/nginx/main [a-c].conf"; include /etc/nginx/x+.conf;
http { include /etc/nginx/conf.d/*.conf; }
# configuration file /etc/nginx/modules-enabled/50-log.conf:
error_log /from/module; http {

# configuration file /etc/nginx/modules-enabled/deeper/a.conf:
error_log /not/included;
# configuration file /etc/nginx/main b.conf:
error_log /from/set; include nested/?.conf;
# configuration file /etc/nginx/main d.conf:
error_log /not/in/set;
# configuration file /etc/nginx/nested/1.conf:
error_log /from/nested;
# configuration file /etc/nginx/xx.conf:
error_log /not/a/plus;
# configuration file /etc/nginx/x+.conf:
error_log /from/plus;
# configuration file /etc/nginx/conf.d/default.conf:
error_log /from/http;
)";
  EXPECT_EQ(values("error_log", dump), "/from/module\n/from/set\n/from/nested\n/from/plus\n");
}

TEST_P(ConfigurationScript, TakesGlobalsFirst) {
  settings["globals"] = "pid \"/run/global one.pid\"; error_log stderr; # pid /no;";
  EXPECT_EQ(values("pid", "# configuration file /n.conf:\npid /run/a.pid;"),
            "/run/global one.pid\n/run/a.pid\n");
}

TEST_P(ConfigurationScript, ReadsBuildOptionsWithBlanks) {
  settings["version_command"] = "cat " + path("version");
  write("version",
        "nginx version: nginx/1.22.1\nconfigure arguments: --with-cc-opt='-g -O2 --param=x' "
        "--prefix='/opt/my nginx' --pid-path=/run/nginx.pid --http-log-path=/l\n");
  const auto built_with = [&](const std::string& option) {
    return say({"base", "command", "configuration"}, "built_with " + option);
  };
  EXPECT_EQ(built_with("prefix"), "/opt/my nginx\n");
  EXPECT_EQ(built_with("pid-path"), "/run/nginx.pid\n");
  EXPECT_EQ(built_with("conf-path"), "");
}

TEST_P(ConfigurationScript, FindsThePidFile) {
  settings["version_command"] = "cat " + path("version");
  settings["dump_command"] = "cat " + path("dump");
  write("version", "configure arguments: --prefix=/opt/nginx --pid-path=/run/built.pid --conf-path=" +
                       path("conf") + "\n");
  const auto pid_file = [&] {
    return say({"base", "command", "configuration"}, "find_nginx; say \"$pid_file\"");
  };
  write("dump", "# configuration file /n.conf:\nhttp { }\npid 'logs/my nginx.pid';\n");
  EXPECT_EQ(pid_file(), "/opt/nginx/logs/my nginx.pid\n");
  write("dump", "# configuration file /n.conf:\nhttp { }\n");
  EXPECT_EQ(pid_file(), "/run/built.pid\n");
  // nginx refuses its configuration: the main file is read.
  settings["dump_command"] = "false";
  write("conf", "server { pid /no; } pid /run/main.pid;\n");
  EXPECT_EQ(pid_file(), "/run/main.pid\n");
}

TEST_P(ConfigurationScript, TakesAPlainPidFileWithoutAProcess) {
  settings["dump_command"] = "cat " + path("dump");
  const auto found = [&](const std::string& text) {
    write("dump", "nginx: [warn] a {\nnginx: syntax is ok\n# configuration file /n.conf:\n" + text +
                      "\n# configuration file /other.conf:\npid /no;\n");
    return say({"base", "command", "configuration"},
               "directive() { echo /read/by/awk; }; find_nginx; say \"$pid_file\"");
  };
  EXPECT_EQ(found("# It's & pid /no;\nuser www-data;\n\tpid  /run/a.pid;\npid /b;\nevents { }"),
            "/run/a.pid\n");
  EXPECT_EQ(found("pid /run/a*.pid;"), "/run/a*.pid\n");
  for (const std::string& hard : std::vector<std::string>{
           "user\npid www;", "user 'a\npid /b;\n';", "user a; pid /b;", "pid /a;pid /b;", "pid '/a b';",
           "pid /a ;", "pid /a; # b", "pid /a\\ b;", "pid /a;\r", "events { }\npid /a;", "pid ;", "pid a b;"})
    EXPECT_EQ(found(hard), "/read/by/awk\n") << hard;
  settings["globals"] = "pid /run/global.pid;";
  EXPECT_EQ(found("pid /run/a.pid;"), "/read/by/awk\n");
}

TEST_P(ConfigurationScript, ReadsWhatTheMasterLoggedSince) {
  add({.pid = 100, .title = "nginx: master process nginx"});
  const auto log = write("error.log", "1 [emerg] 100#0: an old one\n");
  fs::create_directories(proc() / "100/fd");
  fs::create_symlink(log, proc() / "100/fd/2");
  const auto logged = [&](const std::string& between) {
    return say({"base", "command", "configuration", "reload"}, "master=100; remember_log; " + between +
                                                                   "; echo '2 [emerg] 100#0: a new one' >>" +
                                                                   log + "; log_since");
  };
  write("proc/100/fdinfo/2", "pos:\t28\nflags:\t02\n");
  EXPECT_EQ(logged("echo '2 [emerg] 101#0: another' >>" + log), "2 [emerg] 100#0: a new one\n");
  EXPECT_EQ(logged(": >" + log), "2 [emerg] 100#0: a new one\n") << "it was cut off";
}

TEST_P(ConfigurationScript, FindsTheErrorLogThatIsAFile) {
  settings["dump_command"] = "cat " + path("dump");
  write("dump",
        "# configuration file /n.conf:\nhttp { error_log /http.log; }\nerror_log stderr; error_log "
        "syslog:server=a;\n"
        "error_log \"/var/log/main one.log\";\n");
  const std::vector<std::string> parts{"base", "command", "configuration", "reload"};
  EXPECT_EQ(say(parts, "find_error_log && say \"$log\""), "/var/log/main one.log\n");
  write("dump", "# configuration file /n.conf:\nerror_log stderr;\nhttp { error_log /http.log; }\n");
  EXPECT_EQ(say(parts, "find_error_log || say none"), "none\n");
}

}  // namespace
}  // namespace bgdeploy::proxy
