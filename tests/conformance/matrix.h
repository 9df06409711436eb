// What came of each behaviour, and the JSON file of it that the table is made from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/conformance/behaviour.h"

namespace ringside::conformance {

enum class Outcome {
    Works,
    Impossible,  // on the list, and indeed it fails
    Fails,
    NotImpossible,  // on the list, but it works: the list is wrong
};

class Matrix {
  public:
    explicit Matrix(std::string kvm) : kvm_(std::move(kvm)) {}

    const std::string& kvm() const { return kvm_; }
    // `text` is the mechanism, the reason why it is impossible, or what was wrong.
    void add(const Behaviour& behaviour, Outcome outcome, std::string text);
    // False if the file cannot be written.
    bool write(const std::filesystem::path& file) const;

  private:
    struct Row {
        std::string group;
        std::string name;
        std::string mode;
        Outcome outcome;
        std::string text;
    };
    std::string kvm_;
    std::vector<Row> rows_;
};

}  // namespace ringside::conformance
