#include "guests/lib/console.h"

#include "guests/lib/ports.h"

namespace guest {
namespace {

constexpr uint16_t kCom1 = 0x3f8;
constexpr uint16_t kLineStatus = kCom1 + 5;
constexpr uint8_t kTransmitterEmpty = 0x20;

void write_digits(unsigned long number, unsigned base) {
    char digits[24];
    unsigned length = 0;
    do {
        digits[length++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    while (length > 0)
        write(digits[--length]);
}

}  // namespace

void write(char character) {
    while ((in8(kLineStatus) & kTransmitterEmpty) == 0) {
    }
    out8(kCom1, static_cast<uint8_t>(character));
}

void write(const char* text) {
    for (; *text != '\0'; ++text)
        write(*text);
}

void write(unsigned long number) {
    write_digits(number, 10);
}

void write(Hex number) {
    write("0x");
    write_digits(number.value, 16);
}

}  // namespace guest
