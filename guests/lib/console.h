// Text on the first serial port: print("round ", 3, " at ", Hex{address}, "\n").
#pragma once

#include <stdint.h>

namespace guest {

struct Hex {
    unsigned long value;
};

void write(char character);
void write(const char* text);
void write(unsigned long number);
void write(Hex number);
inline void write(unsigned number) {
    write(static_cast<unsigned long>(number));
}

template <typename... Parts>
void print(Parts... parts) {
    (write(parts), ...);
}

}  // namespace guest
