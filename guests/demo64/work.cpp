#include "guests/demo64/work.h"

#include "guests/demo64/paging.h"
#include "guests/lib/console.h"

RingBuffer queue;
Node* tree_root;
volatile unsigned long total_consumed;

static Node nodes[kMaximumNodes];
static unsigned nodes_used;

constexpr unsigned kConsumerPeriod = 3;  // the consumer sleeps, so that the queue has something to show

static bool produce(RingBuffer& ring, unsigned long value) {
    if (ring.count == kQueueSize)
        return false;
    ring.values[(ring.head + ring.count) % kQueueSize] = value;
    ++ring.count;
    return true;
}

static unsigned long consume(RingBuffer& ring) {
    const unsigned long value = ring.values[ring.head];
    ring.head = (ring.head + 1) % kQueueSize;
    --ring.count;
    return value;
}

static unsigned long drain(RingBuffer& ring) {
    unsigned long taken = 0;
    for (; ring.count > 0; ++taken)
        total_consumed = total_consumed + consume(ring);
    return taken;
}

static Node* insert(Node*& root, unsigned key) {
    if (root == nullptr) {
        root = &nodes[nodes_used++];
        root->key = key;
    }
    if (key < root->key)
        return insert(root->left, key);
    if (key > root->key)
        return insert(root->right, key);
    ++root->hits;
    return root;
}

// A permutation of 0 ... kMaximumNodes - 1, so that the tree neither degenerates nor outgrows its nodes.
static unsigned scramble(unsigned long number) {
    return static_cast<unsigned>((number * 13 + 7) % kMaximumNodes);
}

static void touch_demand_page(uintptr_t address, unsigned long value) {
    *reinterpret_cast<volatile unsigned long*>(address) = value;
}

// A loop worth a conditional breakpoint: `break mix if value == 25`.
static unsigned long mix(unsigned long sum, unsigned long value) {
    return sum * 31 + value;
}

static unsigned long checksum(const RingBuffer& ring) {
    unsigned long sum = 0;
    for (unsigned i = 0; i < ring.count; ++i)
        sum = mix(sum, ring.values[(ring.head + i) % kQueueSize]);
    return sum;
}

unsigned long step(Task* task, unsigned long number) {
    switch (task->kind) {
        case TaskKind::Producer:
            produce(queue, number * number);
            return 0;
        case TaskKind::Consumer:
            drain(queue);
            return kConsumerPeriod;
        case TaskKind::Indexer:
            insert(tree_root, scramble(number));
            return 0;
        case TaskKind::Toucher:
            touch_demand_page(kDemandBase + number % kDemandPages * kPageSize, number);
            return 0;
    }
    return 0;
}

void report_round(unsigned long round) {
    guest::print("round ", round, ": queued ", queue.count, " (", guest::Hex{checksum(queue)}, "), consumed ",
                 static_cast<unsigned long>(total_consumed), ", tree ", nodes_used, ", faults ",
                 static_cast<unsigned long>(page_faults_served), "\n");
}
