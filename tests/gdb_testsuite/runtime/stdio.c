// Output on the serial port. printf() knows what the test programs print: no floating point, which ring 0 may not have.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/gdb_testsuite/runtime/ports.h"

enum { COM1 = 0x3f8, LINE_STATUS = COM1 + 5, DATA_READY = 0x01, TRANSMITTER_EMPTY = 0x20 };

static char files[3];
FILE* stdin = (FILE*)&files[0];
FILE* stdout = (FILE*)&files[1];
FILE* stderr = (FILE*)&files[2];

static void send(char character) {
    while ((in8(LINE_STATUS) & TRANSMITTER_EMPTY) == 0) {
    }
    out8(COM1, (uint8_t)character);
}

// Where formatted text goes: into a buffer of `size` bytes, or to the serial port if there is none.
struct sink {
    char* buffer;
    size_t size;
    size_t length;
};

static void put(struct sink* sink, char character) {
    if (sink->buffer == NULL)
        send(character);
    else if (sink->length + 1 < sink->size)
        sink->buffer[sink->length] = character;
    ++sink->length;
}

static void pad(struct sink* sink, int count, char character) {
    while (count-- > 0)
        put(sink, character);
}

struct conversion {
    int left, zero, sign, alternate;
    int width, precision, longs;
};

static const char* read_number(const char* format, int* number, va_list* arguments) {
    if (*format == '*') {
        *number = va_arg(*arguments, int);
        return format + 1;
    }
    *number = 0;
    while (*format >= '0' && *format <= '9')
        *number = *number * 10 + (*format++ - '0');
    return format;
}

static const char* read_conversion(const char* format, struct conversion* how, va_list* arguments) {
    memset(how, 0, sizeof *how);
    how->precision = -1;
    for (;; ++format) {
        if (*format == '-')
            how->left = 1;
        else if (*format == '0')
            how->zero = 1;
        else if (*format == '+')
            how->sign = 1;
        else if (*format == '#')
            how->alternate = 1;
        else
            break;
    }
    format = read_number(format, &how->width, arguments);
    if (*format == '.')
        format = read_number(format + 1, &how->precision, arguments);
    for (; *format == 'l' || *format == 'z' || *format == 'h' || *format == 'j'; ++format)
        how->longs += *format != 'h';
    return format;
}

static void put_text(struct sink* sink, const struct conversion* how, const char* text, size_t length, int zeros) {
    const int spaces = how->width - (int)length - zeros;
    if (!how->left)
        pad(sink, spaces, ' ');
    for (; length > 0 && zeros > 0 && (*text == '-' || *text == '+'); --length)
        put(sink, *text++);
    pad(sink, zeros, '0');
    while (length-- > 0)
        put(sink, *text++);
    if (how->left)
        pad(sink, spaces, ' ');
}

static void put_number(struct sink* sink, const struct conversion* how, unsigned long number, unsigned base, const char* prefix) {
    char digits[72];
    char* at = digits + sizeof digits;
    do {
        *--at = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    int zeros = how->precision - (int)(digits + sizeof digits - at);
    for (size_t left = strlen(prefix); left > 0; --left)
        *--at = prefix[left - 1];
    const size_t length = (size_t)(digits + sizeof digits - at);
    if (how->zero && !how->left && how->precision < 0)
        zeros = how->width - (int)length;
    put_text(sink, how, at, length, zeros > 0 ? zeros : 0);
}

static void put_signed(struct sink* sink, const struct conversion* how, long number) {
    const unsigned long size = number < 0 ? 0 - (unsigned long)number : (unsigned long)number;
    put_number(sink, how, size, 10, number < 0 ? "-" : how->sign ? "+" : "");
}

static void put_conversion(struct sink* sink, char letter, const struct conversion* how, va_list* arguments) {
    char character;
    switch (letter) {
    case 'd':
    case 'i':
        put_signed(sink, how, how->longs ? va_arg(*arguments, long) : va_arg(*arguments, int));
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_number(sink, how, how->longs ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned),
                   letter == 'u' ? 10 : letter == 'o' ? 8 : 16, how->alternate && letter == 'x' ? "0x" : "");
        break;
    case 'p':
        put_number(sink, how, (unsigned long)va_arg(*arguments, void*), 16, "0x");
        break;
    case 'c':
        character = (char)va_arg(*arguments, int);
        put_text(sink, how, &character, 1, 0);
        break;
    case 's': {
        const char* text = va_arg(*arguments, const char*);
        text = text == NULL ? "(null)" : text;
        put_text(sink, how, text, how->precision >= 0 ? strnlen(text, (size_t)how->precision) : strlen(text), 0);
        break;
    }
    default:
        put(sink, letter);
    }
}

static int format_into(struct sink* sink, const char* format, va_list* arguments) {
    struct conversion how;
    for (; *format != '\0'; ++format) {
        if (*format != '%') {
            put(sink, *format);
            continue;
        }
        format = read_conversion(format + 1, &how, arguments);
        if (*format == '\0')
            break;
        put_conversion(sink, *format, &how, arguments);
    }
    if (sink->buffer != NULL && sink->size > 0)
        sink->buffer[sink->length < sink->size ? sink->length : sink->size - 1] = '\0';
    return (int)sink->length;
}

int vsnprintf(char* buffer, size_t size, const char* format, va_list arguments) {
    static char nowhere[1];
    va_list copy;
    va_copy(copy, arguments);
    struct sink sink = {buffer == NULL ? nowhere : buffer, size, 0};
    const int length = format_into(&sink, format, &copy);
    va_end(copy);
    return length;
}

int vfprintf(FILE* file, const char* format, va_list arguments) {
    (void)file;
    va_list copy;
    va_copy(copy, arguments);
    struct sink sink = {NULL, 0, 0};
    const int length = format_into(&sink, format, &copy);
    va_end(copy);
    return length;
}

int vprintf(const char* format, va_list arguments) {
    return vfprintf(stdout, format, arguments);
}

#define WITH_ARGUMENTS(call)         \
    va_list arguments;               \
    va_start(arguments, format);     \
    const int length = call;         \
    va_end(arguments);               \
    return length

int printf(const char* format, ...) {
    WITH_ARGUMENTS(vfprintf(stdout, format, arguments));
}

int fprintf(FILE* file, const char* format, ...) {
    WITH_ARGUMENTS(vfprintf(file, format, arguments));
}

int sprintf(char* buffer, const char* format, ...) {
    WITH_ARGUMENTS(vsnprintf(buffer, SIZE_MAX / 2, format, arguments));
}

int snprintf(char* buffer, size_t size, const char* format, ...) {
    WITH_ARGUMENTS(vsnprintf(buffer, size, format, arguments));
}

int putchar(int character) {
    send((char)character);
    return character;
}

int putc(int character, FILE* file) {
    (void)file;
    return putchar(character);
}

int fputc(int character, FILE* file) {
    return putc(character, file);
}

int fputs(const char* text, FILE* file) {
    (void)file;
    while (*text != '\0')
        putchar(*text++);
    return 0;
}

int puts(const char* text) {
    fputs(text, stdout);
    return putchar('\n');
}

size_t fwrite(const void* data, size_t size, size_t count, FILE* file) {
    (void)file;
    write(STDOUT_FILENO, data, size * count);
    return count;
}

ssize_t write(int file, const void* data, size_t size) {
    (void)file;
    for (const char* at = data; at != (const char*)data + size; ++at)
        send(*at);
    return (ssize_t)size;
}

// Nobody types anything.
ssize_t read(int file, void* data, size_t size) {
    (void)file, (void)data, (void)size;
    return 0;
}

int getchar(void) {
    while ((in8(LINE_STATUS) & DATA_READY) == 0) {
    }
    return in8(COM1);
}

int fflush(FILE* file) {
    (void)file;
    return 0;
}

int setvbuf(FILE* file, char* buffer, int mode, size_t size) {
    (void)file, (void)buffer, (void)mode, (void)size;
    return 0;
}

void setbuf(FILE* file, char* buffer) {
    (void)file, (void)buffer;
}

int fileno(FILE* file) {
    return file == stdin ? STDIN_FILENO : file == stdout ? STDOUT_FILENO : STDERR_FILENO;
}

int isatty(int file) {
    (void)file;
    return 0;
}

void perror(const char* text) {
    printf("%s: error\n", text);
}
