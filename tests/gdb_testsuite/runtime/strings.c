// Strings and the heap. memcpy() and its relatives are those of the guests.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096 };

size_t strlen(const char* text) {
    const char* at = text;
    while (*at != '\0')
        ++at;
    return (size_t)(at - text);
}

size_t strnlen(const char* text, size_t size) {
    size_t length = 0;
    while (length < size && text[length] != '\0')
        ++length;
    return length;
}

char* strcpy(char* to, const char* from) {
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char* strncpy(char* to, const char* from, size_t size) {
    const size_t length = strnlen(from, size);
    memcpy(to, from, length);
    memset(to + length, 0, size - length);
    return to;
}

char* strcat(char* to, const char* from) {
    strcpy(to + strlen(to), from);
    return to;
}

int strncmp(const char* left, const char* right, size_t size) {
    for (; size > 0; --size, ++left, ++right)
        if (*left != *right || *left == '\0')
            return (unsigned char)*left - (unsigned char)*right;
    return 0;
}

int strcmp(const char* left, const char* right) {
    return strncmp(left, right, SIZE_MAX);
}

char* strchr(const char* text, int character) {
    for (;; ++text) {
        if (*text == (char)character)
            return (char*)text;
        if (*text == '\0')
            return NULL;
    }
}

char* strrchr(const char* text, int character) {
    for (size_t at = strlen(text) + 1; at-- > 0;)
        if (text[at] == (char)character)
            return (char*)text + at;
    return NULL;
}

char* strdup(const char* text) {
    char* copy = malloc(strlen(text) + 1);
    return copy == NULL ? NULL : strcpy(copy, text);
}

// A heap that takes nothing back: test programs are short. It is no variable, which gdb would name in what it prints of pointers.
// Each block has its size in front.
static uintptr_t heap_free = 32 << 20;
static const uintptr_t heap_end = 60 << 20;

void* malloc(size_t size) {
    const size_t whole = (size + 31) & ~(size_t)15;
    if (whole < size || whole > heap_end - heap_free)
        return NULL;
    unsigned char* block = (unsigned char*)heap_free;
    heap_free += whole;
    *(size_t*)(void*)block = size;
    return block + 16;
}

void free(void* block) {
    (void)block;
}

void* calloc(size_t count, size_t size) {
    void* block = size != 0 && count > SIZE_MAX / size ? NULL : malloc(count * size);
    return block == NULL ? NULL : memset(block, 0, count * size);
}

void* realloc(void* block, size_t size) {
    void* larger = malloc(size);
    if (block != NULL && larger != NULL) {
        const size_t before = ((size_t*)block)[-2];
        memcpy(larger, block, before < size ? before : size);
    }
    return larger;
}

int getpagesize(void) {
    return PAGE_SIZE;
}

// Memory is not taken back, and every page may be read, written and executed.
void* mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) {
    (void)address, (void)protection, (void)flags, (void)file, (void)offset;
    unsigned char* block = malloc(size + PAGE_SIZE);
    if (block == NULL)
        return MAP_FAILED;
    return memset(block + (-(uintptr_t)block & (PAGE_SIZE - 1)), 0, size);
}

int munmap(void* address, size_t size) {
    (void)address, (void)size;
    return 0;
}
