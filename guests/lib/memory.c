// The four functions that a freestanding compiler may call on its own.
#include <stddef.h>

void* memcpy(void* to, const void* from, size_t size) {
    void* const result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void* memset(void* to, int value, size_t size) {
    void* const result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return result;
}

void* memmove(void* to, const void* from, size_t size) {
    unsigned char* target = to;
    const unsigned char* source = from;
    if (target <= source)
        return memcpy(to, from, size);
    while (size-- > 0)
        target[size] = source[size];
    return to;
}

int memcmp(const void* left, const void* right, size_t size) {
    const unsigned char *a = left, *b = right;
    for (; size > 0; --size, ++a, ++b)
        if (*a != *b)
            return *a - *b;
    return 0;
}
