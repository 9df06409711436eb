// conformance [GoogleTest's options] [--json FILE]: shows every behaviour of the list on this host's KVM.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/conformance/impossible.h"
#include "tests/conformance/kvm_kind.h"
#include "tests/conformance/matrix.h"
#include "tests/conformance/mismatch.h"

namespace {

using namespace ringside::conformance;

class BehaviourTest : public testing::Test {
  public:
    BehaviourTest(const Behaviour& behaviour, Matrix& matrix) : behaviour_(behaviour), matrix_(matrix) {}

  private:
    void TestBody() override {
        const Impossible* listed = why_impossible(matrix_.kvm(), behaviour_.id());
        if (listed != nullptr && listed->fatal && !GTEST_FLAG_GET(also_run_disabled_tests))
            return impossible(*listed, "not tried");
        std::string mechanism;
        try {
            mechanism = behaviour_.show();
        } catch (const Mismatch& mismatch) {
            const std::string seen = mismatch.what();
            if (listed == nullptr)
                return fails(seen);
            if (seen.find(listed->mismatch) == std::string::npos)
                return fails(fmt::format("{}\nlisted as impossible ({}), but then the mismatch is \"{}\"",
                                         seen, listed->reason, listed->mismatch));
            return impossible(*listed, seen);
        } catch (const std::exception& error) {
            return fails(error.what());  // a silent stub or a dead program is never what was to be expected
        }
        matrix_.add(behaviour_, listed != nullptr ? Outcome::NotImpossible : Outcome::Works, mechanism);
        if (listed != nullptr)
            FAIL() << "works, but is listed as impossible on " << matrix_.kvm() << ": " << listed->reason;
        if (!mechanism.empty())
            fmt::print("             {}\n", mechanism);
    }

    void impossible(const Impossible& listed, const std::string& error) {
        matrix_.add(behaviour_, Outcome::Impossible, std::string(listed.reason));
        GTEST_SKIP() << "impossible on " << matrix_.kvm() << ": " << listed.reason << "\n(" << error << ")";
    }

    void fails(const std::string& error) {
        matrix_.add(behaviour_, Outcome::Fails, error);
        FAIL() << error;
    }

    const Behaviour& behaviour_;
    Matrix& matrix_;
};

void register_all(const Behaviours& behaviours, Matrix& matrix) {
    for (const Behaviour& behaviour : behaviours) {
        const std::string test = fmt::format("{}/{}", behaviour.name, name(behaviour.mode));
        testing::RegisterTest(behaviour.group.c_str(), test.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [&]() -> BehaviourTest* { return new BehaviourTest(behaviour, matrix); });
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    testing::InitGoogleTest(&argc, argv);
    std::string json;
    if (argc == 3 && std::string(argv[1]) == "--json") {
        json = argv[2];
    } else if (argc != 1) {
        fmt::print(stderr,
                   "usage: conformance [--gtest_...] [--json FILE]\n"
                   "--gtest_also_run_disabled_tests tries what would take the machine down as well.\n");
        return 2;
    }
    const Behaviours behaviours = all_behaviours();
    if (const auto lost = rows_without_behaviour(behaviours); !lost.empty()) {
        fmt::print(stderr, "conformance: listed as impossible, but no behaviour has this name: {}\n",
                   fmt::join(lost, ", "));
        return 2;
    }
    Matrix matrix(kvm_kind());
    register_all(behaviours, matrix);
    const int status = RUN_ALL_TESTS();
    if (!json.empty() && !matrix.write(json)) {
        fmt::print(stderr, "conformance: cannot write {}\n", json);
        return 2;
    }
    return status;
}
