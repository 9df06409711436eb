// The answer of a monitor command, as values: printed as text for people, and as JSON for scripts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ringside::debug {

// A value as JSON has it. (The JSON library's own type costs each file that includes it a second to compile.)
using JsonScalar = std::variant<std::nullptr_t, bool, std::uint64_t, double, std::string>;
using JsonArray = std::vector<JsonScalar>;
using JsonObject = std::vector<std::pair<std::string, JsonScalar>>;
using JsonValue =
    std::variant<std::nullptr_t, bool, std::uint64_t, double, std::string, JsonArray, JsonObject>;

// A value in both forms.
struct Cell {
    JsonValue raw;
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
    // A sentence. An empty one adds nothing.
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
