#include "bgdeploy/io/pipes.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace bgdeploy::io {
namespace {

using core::ErrorKind;
using namespace std::chrono_literals;

class PipesTest : public testing::Test {
protected:
  Wait soon() { return Wait::for_at_most(10s); }
  Pipes m_pipes{std::make_shared<Wakeup>(), "first", false};
};

TEST_F(PipesTest, GivesLinesInPiecesAndTheOpenLastOne) {
  m_pipes.put_out("one\ntw");
  EXPECT_EQ(m_pipes.read_line(soon()).value(), "one");
  m_pipes.put_out("o\n\nlast");
  EXPECT_EQ(m_pipes.read_line(soon()).value(), "two");
  EXPECT_EQ(m_pipes.read_line(soon()).value(), "");
  m_pipes.out_ended();
  EXPECT_EQ(m_pipes.read_line(soon()).value(), "last");
  EXPECT_EQ(m_pipes.read_line(soon()).value(), std::nullopt);
}

TEST_F(PipesTest, GivesPiecesHoweverLongALineIs) {
  const std::string most(Pipes::k_capture_limit - 1, 'x');
  m_pipes.put_out(most);
  EXPECT_EQ(m_pipes.room(), 1U);
  m_pipes.put_out("yz");
  EXPECT_EQ(m_pipes.room(), 0U);
  EXPECT_EQ(m_pipes.read_piece(soon()).value(), most + "yz") << "nothing of it is lost";
  EXPECT_EQ(m_pipes.room(), Pipes::k_capture_limit);
  EXPECT_EQ(m_pipes.read_piece(Wait::for_at_most(1ms)).error().kind, ErrorKind::timeout);
  m_pipes.put_out("end");
  m_pipes.out_ended();
  EXPECT_EQ(m_pipes.read_piece(soon()).value(), "end");
  EXPECT_EQ(m_pipes.read_piece(soon()).value(), std::nullopt);
}

TEST_F(PipesTest, WritingSlowlyWaitsForRoom) {
  const std::string megabyte(1 << 20, 'x');
  ASSERT_TRUE(m_pipes.write_slowly("x", soon()));
  ASSERT_TRUE(m_pipes.write_slowly(megabyte, soon()));
  EXPECT_EQ(m_pipes.write_slowly("x", Wait::for_at_most(1ms)).error().kind, ErrorKind::timeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(m_pipes.write_slowly("x", Wait::for_at_most(10s, stop.get_token())).error().kind,
            ErrorKind::cancelled);
  {
    std::jthread mover([&] {
      std::size_t taken = 0;
      while (taken < megabyte.size() + 7) taken += m_pipes.take_input(64 << 10).size();
    });
    EXPECT_TRUE(m_pipes.write_slowly("y", soon()));
  }
  ASSERT_TRUE(m_pipes.write_slowly(megabyte + megabyte, soon()));
  std::jthread ender([&] { m_pipes.ended(1, ""); });
  EXPECT_EQ(m_pipes.write_slowly("x", soon()).error().kind, ErrorKind::lost);
}

TEST_F(PipesTest, FinishGivesWhatWasNotRead) {
  m_pipes.put_out("one\ntwo\nthree");
  m_pipes.put_err("oops");
  EXPECT_EQ(m_pipes.read_line(soon()).value(), "one");
  m_pipes.ended(137, "KILL");
  const auto end = m_pipes.finish(soon());
  ASSERT_TRUE(end);
  EXPECT_EQ(end->out, "two\nthree");
  EXPECT_EQ(end->err, "oops");
  EXPECT_EQ(end->exit_code, 137);
  EXPECT_EQ(end->signal, "KILL");
}

TEST_F(PipesTest, WaitsEndWithTheirDeadlineOrTheirStop) {
  EXPECT_EQ(m_pipes.read_line(Wait::for_at_most(1ms)).error().kind, ErrorKind::timeout);
  EXPECT_EQ(m_pipes.finish(Wait::for_at_most(1ms)).error().kind, ErrorKind::timeout);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(m_pipes.read_line(Wait::for_at_most(10s, stop.get_token())).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(m_pipes.finish(Wait::for_at_most(10s, stop.get_token())).error().kind, ErrorKind::cancelled);
}

TEST_F(PipesTest, AFailureReachesEveryCall) {
  m_pipes.put_out("said before\n");
  m_pipes.failed({ErrorKind::lost, "gone", {}});
  EXPECT_EQ(m_pipes.read_line(soon()).value(), "said before");
  EXPECT_EQ(m_pipes.read_line(soon()).error().kind, ErrorKind::lost);
  EXPECT_EQ(m_pipes.finish(soon()).error().kind, ErrorKind::lost);
  EXPECT_EQ(m_pipes.write("x").error().kind, ErrorKind::lost);
  EXPECT_EQ(m_pipes.close_input().error().kind, ErrorKind::lost);
}

TEST_F(PipesTest, InputIsTakenInOrderAndEndsOnce) {
  ASSERT_TRUE(m_pipes.write(" second"));
  ASSERT_TRUE(m_pipes.close_input());
  EXPECT_FALSE(m_pipes.input_ended());
  EXPECT_EQ(m_pipes.take_input(7), "first s");
  EXPECT_EQ(m_pipes.take_input(100), "econd");
  EXPECT_TRUE(m_pipes.input_ended());
}

TEST_F(PipesTest, AReaderThatIsSlowStopsTheMoverButOneThatWaitsForTheEndDoesNot) {
  m_pipes.put_out(std::string(Pipes::k_capture_limit, 'x'));
  EXPECT_EQ(m_pipes.room(), 0U);
  EXPECT_EQ(m_pipes.finish(Wait::for_at_most(0ms)).error().kind, ErrorKind::timeout);
  EXPECT_GT(m_pipes.room(), 0U);
  m_pipes.put_out("more");
  m_pipes.ended(0, "");
  EXPECT_EQ(m_pipes.finish(soon())->out.size(), Pipes::k_capture_limit);
}

}  // namespace
}  // namespace bgdeploy::io
