// The answer of a monitor command, as values: printed as text for people, and as JSON for scripts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ringside::debug {

// A value in both forms.
struct Cell {
    nlohmann::ordered_json raw;
    std::string text;
};

// Text shows "0x1f", JSON the number.
Cell hex(std::uint64_t value);
Cell number(std::uint64_t value);
Cell words(std::string_view text);
// JSON shows true or false.
Cell flag(bool value, std::string_view if_true, std::string_view if_false);

class Answer {
  public:
    // A headline of the text; it is not in the JSON.
    Answer& headline(std::string text);
    // A named value. JSON's key is the name in lower case with '_' for spaces.
    Answer& value(std::string name, Cell cell);
    // A named table. JSON has an array of objects with the columns' names as keys. Text says "none" if there
    // are no rows.
    Answer& table(std::string name, std::vector<std::string> columns, std::vector<std::vector<Cell>> rows);
    // The same for JSON alone: the text has its own form.
    Answer& records(std::string name, std::vector<std::string> columns, std::vector<std::vector<Cell>> rows);
    // A sentence.
    Answer& note(std::string sentence);

    std::string text() const;
    std::string json() const;

  private:
    struct Item {
        enum class Kind : std::uint8_t { Headline, Value, Table, Records, Note } kind = Kind::Note;
        std::string name;
        Cell cell;
        std::vector<std::string> columns;
        std::vector<std::vector<Cell>> rows;
    };
    std::vector<Item> items_;
};

}  // namespace ringside::debug
