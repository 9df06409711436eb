// What the tasks do: a ring buffer between two of them, a search tree, and memory that is mapped on demand.
#pragma once

#include <stdint.h>

#include "guests/demo64/scheduler.h"

inline constexpr unsigned kQueueSize = 8;
inline constexpr unsigned kMaximumNodes = 32;

struct RingBuffer {
    unsigned long values[kQueueSize];
    unsigned head;  // next to take
    unsigned count;
};

struct Node {
    unsigned key;
    unsigned hits;  // how often the key came
    Node* left;
    Node* right;
};

extern RingBuffer queue;
extern Node* tree_root;
extern volatile unsigned long total_consumed;

// One turn of a task; `number` counts its turns from 0. Returns for how many rounds the task wants to sleep.
unsigned long step(Task* task, unsigned long number);

// One line on the serial port.
void report_round(unsigned long round);
