// Archives made here, byte for byte: what of them is read, and what is refused.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bgdeploy/archive/image.hpp"
#include "bgdeploy/archive/load_stream.hpp"
#include "bgdeploy/context/archive.hpp"
#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/sha256.hpp"

namespace bgdeploy::archive {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::string hash_of(const std::string& text) {
  core::Sha256 hash;
  hash.add(text);
  return hash.hex();
}

struct File {
  std::string name, text;
  char type = '0';
  std::string link{};
};

// With its own checksum, whatever is in it.
std::string tar(const std::vector<File>& files) {
  std::string all;
  for (const File& file : files) {
    std::string head(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { head.replace(at, text.size(), text); };
    put(0, file.name.substr(0, 100));
    put(100, "0000644");
    put(124, fmt::format("{:011o}", file.text.size()));
    put(148, "        ");
    head[156] = file.type;
    put(157, file.link);
    put(257, std::string_view("ustar\0"
                              "00",
                              8));
    unsigned sum = 0;
    for (const char byte : head) sum += static_cast<unsigned char>(byte);
    put(148, fmt::format("{:06o}", sum));
    head[154] = '\0';
    all += head + file.text + context::tar_padding(static_cast<std::int64_t>(file.text.size()));
  }
  return all + std::string(1024, '\0');
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string config_of(const std::vector<std::string>& layers, const std::string& architecture = "amd64") {
  Json contents = Json::array();
  for (const auto& layer : layers) contents.push_back("sha256:" + hash_of(layer));
  return Json{{"os", "linux"},
              {"architecture", architecture},
              {"rootfs", {{"type", "layers"}, {"diff_ids", contents}}}}
      .dump();
}

// As Docker before 25 wrote it.
std::vector<File> saved(const std::string& name, const std::vector<std::string>& layers) {
  const std::string config = config_of(layers);
  std::vector<File> files{{hash_of(config) + ".json", config}};
  Json paths = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    files.push_back({fmt::format("{}/layer.tar", i), layers[i]});
    paths.push_back(files.back().name);
  }
  files.push_back(
      {"manifest.json",
       Json::array({{{"Config", hash_of(config) + ".json"}, {"RepoTags", {name}}, {"Layers", paths}}})
           .dump()});
  return files;
}

// An OCI layout: its images, and their layers as they are stored.
class Layout {
public:
  std::string blob(const std::string& text) {
    files.push_back({"blobs/sha256/" + hash_of(text), text});
    return "sha256:" + hash_of(text);
  }
  Json image(const std::vector<std::string>& contents, const std::vector<std::string>& stored,
             const std::string& architecture = "amd64") {
    Json layers = Json::array();
    for (const auto& layer : stored) layers.push_back({{"digest", blob(layer)}});
    const std::string manifest =
        Json{{"config", {{"digest", blob(config_of(contents, architecture))}}}, {"layers", layers}}.dump();
    return {{"digest", blob(manifest)}};
  }
  std::vector<File> with(const Json& manifests) const {
    auto all = files;
    all.push_back({"index.json", Json{{"manifests", manifests}}.dump()});
    return all;
  }
  std::vector<File> files;
};

Json named(Json descriptor, const std::string& name) {
  descriptor["annotations"] = {{"org.opencontainers.image.ref.name", name}};
  return descriptor;
}

class Archive : public ::testing::Test {
protected:
  Archive() {
    std::string folder = "/tmp/bgdeploy-archive-XXXXXX";
    m_folder = mkdtemp(folder.data());
  }
  ~Archive() override { fs::remove_all(m_folder); }

  std::string write(const std::string& bytes) const {
    const auto path = m_folder / "image.tar";
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  static Wait wait() { return Wait::for_at_most(std::chrono::seconds(60)); }
  Result<std::vector<Image>> read(const std::string& bytes) const {
    return read_images(write(bytes), wait());
  }
  // "" where it is read, and its layers are what they say.
  std::string told_of(const std::string& bytes) const {
    const auto images = read(bytes);
    const auto good = images ? verify(images->front(), "image.tar", wait()) : std::unexpected(images.error());
    if (good) return "";
    EXPECT_EQ(good.error().kind, ErrorKind::usage);
    return good.error().message;
  }

  fs::path m_folder;
};

TEST_F(Archive, OfDockerSaveInBothLayouts) {
  const auto old = read(tar(saved("docker.io/library/shop:1.2", {"one", "two"})));
  ASSERT_TRUE(old) << old.error().message;
  ASSERT_EQ(old->size(), 1U);
  EXPECT_THAT(old->front().names, ElementsAre("shop:1.2"));
  EXPECT_EQ(old->front().id, hash_of(config_of({"one", "two"}))) << "docker's own id of it";

  Layout layout;
  const Json image = layout.image({"one", "two"}, {"one", "two"});
  auto files = layout.with(Json::array({named(image, "1.2")}));
  Json paths = Json::array({"blobs/sha256/" + hash_of("one"), "blobs/sha256/" + hash_of("two")});
  files.push_back(
      {"manifest.json", Json::array({{{"Config", "blobs/sha256/" + hash_of(config_of({"one", "two"}))},
                                      {"RepoTags", {"shop:1.2"}},
                                      {"Layers", paths}}})
                            .dump()});
  const auto both = read(tar(files));
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->front().id, old->front().id);
  EXPECT_EQ(told_of(tar(files)), "");
  EXPECT_EQ(told_of(tar(saved("shop:1.2", {"one", "two"}))), "");
}

TEST_F(Archive, OfAnOciLayoutAsATarAsAFolderAndPacked) {
  Layout layout;
  const Json image = layout.image({"one"}, {gzip("one")});
  const auto all = layout.with(Json::array({named(image, "shop:1.2")}));
  EXPECT_EQ(told_of(tar(all)), "");
  EXPECT_EQ(told_of(gzip(tar(all))), "");
  for (const File& file : all) {
    fs::create_directories((m_folder / "layout" / file.name).parent_path());
    std::ofstream(m_folder / "layout" / file.name, std::ios::binary) << file.text;
  }
  const auto images = read_images((m_folder / "layout").string(), wait());
  ASSERT_TRUE(images) << images.error().message;
  EXPECT_THAT(images->front().names, ElementsAre("shop:1.2"));
  EXPECT_TRUE(verify(images->front(), "layout", wait()));
}

TEST_F(Archive, AnImageForSeveralPlatforms) {
  Layout layout;
  const Json amd = layout.image({"one"}, {"one"}), arm = layout.image({"two"}, {"two"}, "arm64");
  Json signature{{"digest", "sha256:" + std::string(64, '0')}, {"platform", {{"os", "unknown"}}}};
  const Json index{{"digest", layout.blob(Json{{"manifests", {amd, arm, signature}}}.dump())}};
  const auto images = read(tar(layout.with(Json::array({named(index, "shop:1.2")}))));
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 1U);
  EXPECT_EQ(for_platform(images->front(), "linux", "arm64").value()->layers.front().content,
            "sha256:" + hash_of("two"));
  const auto other = for_platform(images->front(), "linux", "riscv64");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::usage);
  EXPECT_EQ(other.error().message,
            "the image is for linux/amd64, linux/arm64, and this host is linux/riscv64");
}

TEST_F(Archive, AnImageOfWhichOtherPlatformsAreMissing) {
  Layout layout;
  const auto of = [](Json descriptor, const char* architecture) {
    descriptor["platform"] = {{"os", "linux"}, {"architecture", architecture}};
    return descriptor;
  };
  const auto amd = of(layout.image({"one"}, {"one"}), "amd64");
  const auto held = layout.files;
  const auto arm = of(layout.image({"two"}, {"two"}, "arm64"), "arm64");
  const auto manifests = Json{{"manifests", {arm, amd}}}.dump();
  // Neither its manifest, or its manifest but no layer.
  for (std::size_t there = 0; there < layout.files.size() - held.size(); ++there) {
    Layout part;
    part.files = held;
    part.files.insert(part.files.end(), layout.files.end() - static_cast<std::ptrdiff_t>(there),
                      layout.files.end());
    const Json index{{"digest", part.blob(manifests)}};
    const auto images = read(tar(part.with(Json::array({named(index, "shop:1.2")}))));
    ASSERT_TRUE(images) << there << images.error().message;
    ASSERT_EQ(images->size(), 1U) << there;
    EXPECT_TRUE(for_platform(images->front(), "linux", "amd64")) << there;
    EXPECT_THAT(for_platform(images->front(), "linux", "arm64").error().message,
                HasSubstr("for linux/amd64,"));
  }
  // Where nothing is there, or the archive may be cut, that is told.
  Layout part;
  const Json index{{"digest", part.blob(manifests)}};
  EXPECT_THAT(told_of(tar(part.with(Json::array({index})))), HasSubstr("lacks blobs/sha256/"));
  part.files.insert(part.files.end(), held.begin(), held.end());
  const auto whole = tar(part.with(Json::array({index})));
  EXPECT_EQ(told_of(whole), "");
  EXPECT_THAT(told_of(whole.substr(0, whole.size() - 1024)), HasSubstr("it may be cut short"));
}

TEST_F(Archive, LayersOfOneContentMayBeLinks) {
  auto files = saved("shop:1.2", {"one", "one"});
  files[2] = {"1/layer.tar", "", '2', "../0/layer.tar"};
  EXPECT_EQ(told_of(tar(files)), "");
  for (const char* target : {"../../etc/shadow", "/etc/shadow"}) {
    files[2].link = target;
    EXPECT_THAT(told_of(tar(files)), HasSubstr("which leads out of it")) << target;
  }
}

TEST_F(Archive, LongNames) {
  auto files = saved("shop:1.2", {"one"});
  const std::string name = std::string(200, 'n') + "/layer.tar";
  files[1].name = name;
  auto& manifest = files[2].text;
  manifest.replace(manifest.find("0/layer.tar"), 11, name);
  const std::string record = fmt::format("{} path={}\n", name.size() + 10, name);
  auto pax = files;
  pax.insert(pax.begin() + 1, {"pax", record, 'x'});
  EXPECT_EQ(told_of(tar(pax)), "");
  auto gnu = files;
  gnu.insert(gnu.begin() + 1, {"././@LongLink", name + '\0', 'L'});
  EXPECT_EQ(told_of(tar(gnu)), "");
}

TEST_F(Archive, HostileOrBrokenIsRefused) {
  const auto with = [](const File& more) {
    auto files = saved("shop:1.2", {"one"});
    files.push_back(more);
    return tar(files);
  };
  EXPECT_THAT(told_of(with({"../../etc/cron.d/x", "y"})),
              HasSubstr("holds the name ../../etc/cron.d/x, which leads out of it"));
  EXPECT_THAT(told_of(with({"/etc/x", "y"})), HasSubstr("which leads out of it"));
  EXPECT_THAT(told_of(with({"device", "", '3'})),
              HasSubstr("holds device, which is neither a file nor a folder"));
  EXPECT_THAT(told_of(with({"pax", "999 path=x\n", 'x'})), HasSubstr("a header that cannot be read"));

  const std::string good = tar(saved("shop:1.2", {std::string(5000, 'a')}));
  EXPECT_THAT(told_of(good.substr(0, 4000)), HasSubstr("ends in the middle of 0/layer.tar: it is cut short"));
  EXPECT_THAT(told_of(good.substr(0, 100)), HasSubstr("cut short"));
  EXPECT_THAT(told_of(good.substr(0, good.size() - 1025)),
              HasSubstr("ends in the middle of manifest.json: it is cut short"));
  EXPECT_EQ(told_of(good.substr(0, good.size() - 1024)), "") << "some write no mark of the end";
  EXPECT_THAT(told_of(good.substr(0, good.size() - 2048)), HasSubstr("so it may be cut short"));
  EXPECT_THAT(told_of(gzip(good).substr(0, 100)), HasSubstr("cut short"));
  EXPECT_EQ(told_of(""), fmt::format("--archive {} is empty", write("")));
  for (const std::string& text : {std::string(2000, 'x'), std::string("service: shop\n")})
    EXPECT_THAT(told_of(text), HasSubstr("is neither a tar archive nor a folder with an image"));
  EXPECT_THAT(told_of("\x28\xb5\x2f\xfd" + good), HasSubstr("is packed with zstd"));
  EXPECT_THAT(told_of(tar({{"a", "b"}})), HasSubstr("holds no image"));
  EXPECT_THAT(told_of(tar({{"manifest.json", "{"}})), HasSubstr("manifest.json is not JSON"));
  EXPECT_THAT(told_of(tar({{"manifest.json", std::string(5 << 20, ' ')}})),
              HasSubstr("it may have 4 MB at most"));
  EXPECT_THAT(told_of(tar({{"manifest.json", std::string(1000, '[')}})), HasSubstr("nested too deeply"));

  auto files = saved("shop:1.2", {"one"});
  files[1].text = "two";
  EXPECT_THAT(told_of(tar(files)), HasSubstr(fmt::format("a layer has the hash sha256:{}, and not sha256:{}",
                                                         hash_of("two"), hash_of("one"))));
  files = saved("shop:1.2", {"one"});
  files[0].text += " ";
  EXPECT_THAT(told_of(tar(files)), HasSubstr(".json has the hash"));
  files = saved("shop:1.2", {"one"});
  files.erase(files.begin() + 1);
  EXPECT_THAT(told_of(tar(files)), HasSubstr("lacks 0/layer.tar"));
  const auto missing = read_images("/nonexistent/image.tar", wait());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "--archive /nonexistent/image.tar cannot be read: No such file or directory");
}

Image image_named(const std::vector<std::string>& names) {
  Image image{names, std::string(64, 'a'), {}};
  image.variants.push_back({"linux", "amd64", "{}", {}});
  return image;
}

TEST(Choose, TheOnlyOneWhateverItIsCalled) {
  const std::vector<Image> one{image_named({"other:9"})};
  EXPECT_EQ(choose(one, "shop", "1.2", "f")->tag, "1.2");
  EXPECT_EQ(choose(one, "shop", "", "f")->tag, "9");
  EXPECT_EQ(choose({image_named({"registry.example.com:5000/shop"})}, "shop", "", "f").error().message,
            "--archive f does not say which tag its image has");
}

TEST(Choose, AnotherNameIsTold) {
  const auto other = [](const char* name, const char* repository) {
    return other_name(image_named({name}), repository);
  };
  EXPECT_EQ(other("other:9", "registry.example.com/shop"), "other:9");
  EXPECT_EQ(other("shop:ci", "registry.example.com/acme/shop"), "");
  EXPECT_EQ(other("localhost:5000/shop:1", "shop"), "");
  EXPECT_EQ(other(":1.2", "shop"), "") << "a tag alone";
  EXPECT_EQ(other("other:9", ""), "") << "the compose file names the image";
  EXPECT_EQ(other_name(image_named({}), "shop"), "");
}

TEST(Choose, TheOneOfThatName) {
  const std::vector<Image> two{image_named({"shop:1.1"}), image_named({"shop:1.2", "shop:latest"})};
  EXPECT_EQ(choose(two, "docker.io/library/shop", "1.2", "f")->image, 1U);
  EXPECT_EQ(choose(two, "", "1.1", "f")->image, 0U);
  EXPECT_EQ(choose(two, "shop", "", "f").error().message, "--archive f holds several tags");
  const auto none = choose(two, "shop", "1.3", "f");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::usage);
  EXPECT_EQ(none.error().message, "--archive f holds 2 images, and none is shop:1.3");
  EXPECT_THAT(none.error().details,
              ElementsAre("it holds shop:1.1 (aaaaaaaaaaaa), linux/amd64",
                          "it holds shop:1.2, shop:latest (aaaaaaaaaaaa), linux/amd64"));
}

TEST_F(Archive, AStreamForDockerLoadHoldsWhatIsLackingOnly) {
  const auto images = read(tar(saved("shop:1.2", {std::string(700, '1'), std::string(600, '2')})));
  ASSERT_TRUE(images);
  const Variant& variant = images->front().variants.front();
  LoadStream stream(variant.config, variant.layers, 1, {"shop:1.2"});
  std::string sent, piece(100, '\0');
  while (const auto count = stream.read(piece).value()) sent.append(piece, 0, count);
  EXPECT_EQ(static_cast<std::int64_t>(sent.size()), stream.size());
  EXPECT_EQ(stream.sent(0), 0);
  EXPECT_EQ(stream.sent(1), 600);
  EXPECT_EQ(sent.find("111"), std::string::npos);
  // It is an archive again, but for the layer that the engine has.
  const auto again = read(sent);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->front().id, images->front().id);
  EXPECT_EQ(again->front().variants.front().layers[0].data.size, 0);
  EXPECT_EQ(again->front().variants.front().layers[1].data.size, 600);
}

Layer layer_of(std::int64_t megabytes, bool packed) {
  Layer layer;
  layer.data.size = megabytes << 20;
  layer.packed = packed;
  return layer;
}
std::int64_t megabytes_for(const std::vector<Layer>& layers, bool whole = false) {
  return room_for(layers, whole) >> 20;
}

TEST(Room, OnlyWhatIsPackedGrows) {
  EXPECT_EQ(megabytes_for({}), 0);
  EXPECT_EQ(megabytes_for({layer_of(100, true)}), 300);
  EXPECT_EQ(megabytes_for({layer_of(100, false)}), 200) << "docker copies it first";
  EXPECT_EQ(megabytes_for({layer_of(100, false), layer_of(20, false), layer_of(30, false)}), 250);
  EXPECT_EQ(megabytes_for({layer_of(100, false), layer_of(20, false), layer_of(30, false)}, true), 300);
  // Small ones travel together.
  EXPECT_EQ(megabytes_for({layer_of(6, false), layer_of(6, true), layer_of(6, false)}), 6 + 18 + 6 + 12);
}

TEST_F(Archive, SaysWhichLayersArePacked) {
  const std::string layer(700, '1');
  const auto packed = [&](const std::string& bytes) {
    const auto images = read(bytes);
    return images ? std::optional(images->front().variants.front().layers.front().packed) : std::nullopt;
  };
  EXPECT_EQ(packed(tar(saved("shop:1.2", {layer}))), false);
  Layout plain, gzipped;
  EXPECT_EQ(packed(tar(plain.with(Json::array({plain.image({layer}, {layer})})))), false);
  EXPECT_EQ(packed(tar(gzipped.with(Json::array({gzipped.image({layer}, {gzip(layer)})})))), true);
}

}  // namespace
}  // namespace bgdeploy::archive
