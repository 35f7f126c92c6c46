// One function a kind of source: from its text to findings. All are pure, and take any text: what they do not
// understand they leave out, or note.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/init/draft.hpp"

namespace bgdeploy::init {

struct File {
  std::string name;  // as the user would write it
  std::string text;
};
using Variables = std::map<std::string, std::string, std::less<>>;

// --- what a container runs with, wherever that was said

struct Setting {
  std::string name;
  std::optional<std::string> value{};  // as the spec has it; none: from the environment of the deployer
  std::string variable{};              // which it has there; empty: `name`
};

struct Run {
  std::string source;  // for comments
  std::string name;    // of the container; may be empty
  std::string image;   // with its tag; may be empty
  int host_port = 0, container_port = 0;
  std::string host_ip{};
  std::vector<Setting> environment{};
  std::vector<std::string> env_files{}, networks{}, volumes{};
  Json settings = Json::object();       // the other keys of `docker`, as the spec has them
  std::string because{};                // why its port is a guess; empty: it is none
  std::string slot{};                   // what its slot is called, where it has a name
  bool stopped = false;                 // the other slot's, which kept its container
  std::vector<int> ports{};             // of both slots in their order, where a deploy recorded them
  std::vector<std::string> left_out{};  // notes on what the spec cannot say of it
};

// The slots, and `docker` or what `also` leaves of it, from one container or from two that differ by slot.
// `taken`: ports of the host that no slot can have.
void tell_runs(Draft& draft, std::vector<Run> runs, bool with_docker = true, const std::set<int>& taken = {});
// A port that is free, from that one on; why it is a guess.
std::pair<int, std::string> free_port(int from, const std::set<int>& taken);

// "eastshine/auction-backend" of "eastshine/auction-backend:${TAG}": without tag and digest.
std::string repository_of(std::string_view image);
// The variable that stands for the tag: "TAG".
std::string tag_variable_of(std::string_view image);
// Whether an image is what services stand beside: a database, a proxy, a registry.
bool is_beside(std::string_view image);
// Whether `docker run --network` means no network that is joined, as with "host".
bool is_network_mode(std::string_view network);
// Whether the value of a variable with that name must not stand in a file: by the name, or by names in the
// value, as "jdbc:mysql://db/shop?password=…".
bool is_secret(std::string_view name, std::string_view value);
// The first variable of a text in the spec's form, "${NAME}", that stands for a secret; empty: none does.
std::string secret_in(std::string_view text, const Variables& known = {});
// What looks like a secret, anywhere in it, becomes "SECRET".
Json masked(Json value);
// The same for tokens and URLs that stand in a sentence.
std::string without_tokens(std::string_view text);
// The same for what was found, wherever no reader expects a secret, as in a host's name; it is to be filled
// in.
void hide_secrets(Draft& draft);
// A command line, or options: what looks like a secret in it becomes "SECRET", which is to be filled in.
void tell_masked(Draft& draft, Path path, const Json& value, std::string comment = {});
// Without a query that looks like a secret.
void tell_health_path(Draft& draft, std::string_view path, const std::string& comment);
// A text with the ${VAR} of compose or a shell, in the spec's form: known ones are filled in.
std::string in_spec(std::string_view text, const Variables& known);
// One text for both slots, with {slot} and {port}; nothing where they differ in other ways.
std::optional<std::string> by_slot(const std::array<std::string, 2>& texts,
                                   const std::array<std::string, 2>& names,
                                   const std::array<std::string, 2>& ports);
// The whole words in which two texts differ.
std::array<std::string, 2> words_that_differ(const std::string& one, const std::string& other);
// In what two names differ, as names of slots: "blue" and "green".
std::array<std::string, 2> differing_words(const std::string& one, const std::string& other);
// `text` is meant as it is written; notes where the spec would replace "{slot}" and the like in it.
void note_placeholders(Draft& draft, std::string_view what, std::string_view text, const std::string& source);
// Whether two names differ by "blue" and "green", or by "a" and "b", alone.
bool names_slots(const std::string& one, const std::string& other);

// A health check from a command that asks for a URL: "curl -f http://localhost:8080/health || exit 1".
// False where it is none. `in_container`: the command runs there, so the URL's port is the container's.
bool tell_health_url(Draft& draft, std::string_view command, const std::string& source,
                     bool in_container = true);

// How docker runs a health check, in its own words. `asked`: bgdeploy asks by itself, and waits that long for
// an answer; either way a release may take as long to get healthy as it may with docker.
struct HealthTimes {
  std::string interval{}, timeout{}, start_period{}, retries{};
};
void tell_health_times(Draft& draft, const HealthTimes& times, bool asked);

// --- the readers

// The text of a file that another one refers to, named as files are; nothing where it is not to be read.
using FileBeside = std::function<std::optional<std::string>(const std::string& name)>;
// The variable of a compose file that a script gives another port for each slot, with the slots' names.
struct SlotPorts {
  std::string variable;
  std::array<int, 2> ports{};
  std::array<std::string, 2> names{};
};
std::optional<SlotPorts> slot_ports(std::span<const File> scripts, const Variables& known,
                                    std::string_view compose);
// One compose file, or one for each slot. `project`: what compose calls the project by default. `remote`: the
// files are on the host, under their whole path. `beside`: for `extends`. `by_script`: of one file.
core::Result<void> read_compose(Draft& draft, std::span<const File> files, const Variables& known,
                                const std::string& project, bool remote = false,
                                const FileBeside& beside = {},
                                const std::optional<SlotPorts>& by_script = {});
void read_dockerfile(Draft& draft, const File& file);
// config/deploy.yml, and the files of its destinations, deploy.staging.yml: what differs there becomes an
// environment. `secrets`: .kamal/secrets, secrets-common, and those of destinations, secrets.staging.
core::Result<void> read_kamal(Draft& draft, std::span<const File> files,
                              const std::vector<std::string>& hooks, std::span<const File> secrets = {});
// Shell scripts, and CI files: the commands in them, all at once, since they set variables for each other.
void read_scripts(Draft& draft, std::span<const File> files, const Variables& known);

// --- what runs on a host

struct RunningContainer {
  std::string id;
  Json container, image;  // what the engine says of both
  bool stopped = false;   // and a slot of bgdeploy's
};
struct HostState {
  std::string target;  // as the user named it
  bool sudo = false;   // it takes sudo to do something there
  std::vector<RunningContainer> containers{};
  std::string dump{};            // of nginx -T; empty where there is none
  std::string nginx{};           // the container that nginx runs in; empty: on the host itself
  std::string without_docker{};  // why docker was not asked, where it was not
  std::vector<int> listening{};  // ports that processes there listen on
  std::string refused{};         // why an nginx that is there was not asked
  Variables history{};           // of services that bgdeploy deployed there, as lines of JSON
};
// Those of its containers in which an nginx may run that serves in the place of what `dump` has, the likelier
// ones first.
std::vector<const RunningContainer*> may_be_nginx(const HostState& host);
// Whether the nginx in that container, which prints `dump`, is the one that serves there.
enum class Serves { no, maybe, yes };
Serves serves_there(const HostState& host, const RunningContainer& one, std::string_view dump);
// Of the containers those to which nginx sends, else those with a port: as the files of a folder, already in
// the draft, describe them, or as they run.
void read_hosts(Draft& draft, std::span<const HostState> hosts);
// The compose files that the app's containers were started with, on their host; and the project's name.
struct ComposeOrigin {
  std::vector<std::string> files{};
  std::string project{}, folder{};
};
std::optional<ComposeOrigin> compose_origin(const HostState& host);

}  // namespace bgdeploy::init
