// Numbers, order, time and what else the test programs take from a C library. There is no operating system: what would need one
// fails, or does nothing.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int last_error;

int* __errno_location(void) {
    return &last_error;
}

void __assert_fail(const char* text, const char* file, unsigned line, const char* function) {
    (void)text, (void)file, (void)line, (void)function;
    abort();
}

long strtol(const char* text, char** end, int base) {
    long value = 0;
    while (*text == ' ')
        ++text;
    const int negative = *text == '-';
    text += negative || *text == '+';
    if ((base == 0 || base == 16) && text[0] == '0' && (text[1] | 0x20) == 'x') {
        text += 2;
        base = 16;
    }
    base = base == 0 ? *text == '0' ? 8 : 10 : base;
    for (;; ++text) {
        const int letter = *text | 0x20;
        const int digit = *text >= '0' && *text <= '9' ? *text - '0' : letter >= 'a' && letter <= 'z' ? letter - 'a' + 10 : 99;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (end != NULL)
        *end = (char*)text;
    return negative ? -value : value;
}

unsigned long strtoul(const char* text, char** end, int base) {
    return (unsigned long)strtol(text, end, base);
}

int atoi(const char* text) {
    return (int)strtol(text, NULL, 10);
}

long atol(const char* text) {
    return strtol(text, NULL, 10);
}

int abs(int number) {
    return number < 0 ? -number : number;
}

static unsigned long random_state = 1;

int rand(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int)(random_state >> 33);
}

void srand(unsigned seed) {
    random_state = seed;
}

char* getenv(const char* name) {
    (void)name;
    return NULL;
}

void qsort(void* items, size_t count, size_t size, int (*compare)(const void*, const void*)) {
    char* bytes = items;
    for (size_t done = 1; done < count; ++done)
        for (size_t at = done; at > 0 && compare(bytes + (at - 1) * size, bytes + at * size) > 0; --at)
            for (size_t byte = 0; byte < size; ++byte) {
                const char kept = bytes[at * size + byte];
                bytes[at * size + byte] = bytes[(at - 1) * size + byte];
                bytes[(at - 1) * size + byte] = kept;
            }
}

// A moment that passes without a clock: it only has to end.
static void wait_a_moment(unsigned long units) {
    for (volatile unsigned long left = units * 1000; left > 0; --left)
        __asm__ volatile("pause");
}

// The second that the machine's clock shows. (MC146818: its register 0, by way of ports 0x70 and 0x71.)
static unsigned char second_shown(void) {
    unsigned char value = 0;
    __asm__ volatile("outb %0, $0x70; inb $0x71, %0" : "+a"(value));
    return value;
}

// As long as outside, however slow the machine is: gdb's tests wait for what follows.
unsigned sleep(unsigned seconds) {
    for (unsigned char shown = second_shown(); seconds > 0;) {
        wait_a_moment(1);
        const unsigned char now = second_shown();
        seconds -= now != shown;
        shown = now;
    }
    return 0;
}

int usleep(useconds_t microseconds) {
    wait_a_moment(microseconds / 10000ul + 1);
    return 0;
}

unsigned alarm(unsigned seconds) {
    (void)seconds;
    return 0;
}

pid_t getpid(void) {
    return 1;
}

pid_t getppid(void) {
    return 0;
}

time_t time(time_t* result) {
    if (result != NULL)
        *result = 0;
    return 0;
}
