/* Asks in a closed loop and checks every answer: one thread, epoll.
 *
 *     driver PORT PATH HEADERS BODIES N_CONNECTIONS SECONDS N_REQUESTS
 *
 * HEADERS is a file of header lines; BODIES a file of request bodies, each after a line with its size: they are sent in
 * turn. It stops after SECONDS or N_REQUESTS (0: no limit), whichever is first, and lets open requests end. An answer
 * counts where it is a 200, whole, and holds the mock's word, a stream also its last event. Prints one JSON object;
 * times are milliseconds. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK "heron"
#define ROOM 262144
#define PATIENCE_S 60

typedef struct {
    int fd, in_head, status, closes;
    size_t sent, used, at, body; /* of the request; of `in`; read so far; where the body starts */
    long left;                   /* bytes of the body, or of the chunk, to come; -1: a chunk's size comes next */
    int chunked, last_chunk;
    double began_ms, first_ms;
    size_t request;
    char *in;
} Connection;

static char **requests;
static size_t *sizes, n_requests, next_request, n_started, n_limit;
static Connection *connections;
static double *latency, *ttft;
static size_t n_ok, n_failed, n_room, n_open;
static int poll, port, stopping;
static char why[256] = "";

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static char *read_file(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        exit(2);
    }
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    char *content = malloc(*size + 1);
    *size = fread(content, 1, *size, file);
    content[*size] = 0;
    fclose(file);
    return content;
}

static void read_requests(const char *path, const char *head_file, const char *bodies_file) {
    size_t head_size, size;
    char *head = read_file(head_file, &head_size), *body = read_file(bodies_file, &size), *end = body + size;
    while (body < end) {
        size_t length = strtoul(body, &body, 10);
        body++;
        requests = realloc(requests, (n_requests + 1) * sizeof *requests);
        sizes = realloc(sizes, (n_requests + 1) * sizeof *sizes);
        char *whole = malloc(length + head_size + 512);
        size_t n = sprintf(whole, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-length: %zu\r\n%s\r\n", path, port,
                           length, head);
        memcpy(whole + n, body, length);
        requests[n_requests] = whole;
        sizes[n_requests++] = n + length;
        body += length;
    }
}

static void watch(Connection *c, int operation, int events) {
    struct epoll_event wanted = {.events = events, .data.ptr = c};
    epoll_ctl(poll, operation, c->fd, &wanted);
}

static void write_on(Connection *c) {
    while (c->sent < sizes[c->request]) {
        ssize_t n = send(c->fd, requests[c->request] + c->sent, sizes[c->request] - c->sent, MSG_NOSIGNAL);
        if (n < 0) break; /* EAGAIN, or an error that the next read tells */
        c->sent += n;
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->sent < sizes[c->request] ? EPOLLOUT : 0));
}

static void connect_anew(Connection *c) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    if (c->fd >= 0) close(c->fd);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (void *)&address, sizeof address)) {
        perror("driver: connect");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval none = {0};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void ask(Connection *c) {
    if (stopping || (n_limit && n_started >= n_limit)) return;
    n_started++;
    n_open++;
    c->request = next_request;
    next_request = (next_request + 1) % n_requests;
    c->sent = c->used = c->at = c->body = 0;
    c->in_head = 1;
    c->chunked = c->last_chunk = c->status = c->closes = 0;
    c->first_ms = 0;
    c->began_ms = now_ms();
    write_on(c);
}

static void done(Connection *c, int whole) {
    size_t n = c->used - c->body;
    char *body = c->in + c->body;
    int ended = !c->chunked || !memmem(body, n, "data:", 5) || memmem(body, n, "[DONE]", 6);
    if (whole && c->status == 200 && ended && memmem(body, n, MARK, sizeof MARK - 1)) {
        if (n_ok == n_room) {
            n_room = n_room * 2 + 1024;
            latency = realloc(latency, n_room * sizeof *latency);
            ttft = realloc(ttft, n_room * sizeof *ttft);
        }
        latency[n_ok] = now_ms() - c->began_ms;
        ttft[n_ok++] = c->first_ms - c->began_ms;
    } else {
        if (!n_failed++) {
            snprintf(why, sizeof why, "status %d, %s: %.*s", c->status, whole ? "whole" : "cut", (int)(n < 160 ? n : 160), body);
            for (char *p = why; *p; p++)
                if (*p < ' ' || *p == '"' || *p == '\\') *p = ' ';
        }
        usleep(1000);
    }
    n_open--;
    if (!whole || c->closes) connect_anew(c);
    ask(c);
}

/* Returns whether the head is there, and reads it. */
static int read_head(Connection *c) {
    char *end = memmem(c->in, c->used, "\r\n\r\n", 4), *field;
    if (!end) return 0;
    *end = 0;
    c->status = atoi(c->in + 9);
    c->chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked") != NULL;
    c->closes = strcasestr(c->in, "\r\nconnection: close") != NULL;
    c->left = -1;
    if (!c->chunked && (field = strcasestr(c->in, "\r\ncontent-length:"))) c->left = strtol(field + 17, NULL, 10);
    c->in_head = 0;
    c->body = c->at = end + 4 - c->in;
    return 1;
}

/* Returns whether the body is whole. */
static int read_body(Connection *c) {
    if (!c->first_ms && c->used > c->body && (!c->chunked || memchr(c->in + c->body, '{', c->used - c->body)))
        c->first_ms = now_ms();
    if (!c->chunked) return c->left >= 0 && c->used - c->body >= (size_t)c->left;
    for (;;) {
        if (c->left < 0) {
            char *end = memmem(c->in + c->at, c->used - c->at, "\r\n", 2);
            if (!end) return 0;
            c->left = strtol(c->in + c->at, NULL, 16) + 2; /* with the line end behind the chunk */
            c->last_chunk = c->left == 2;
            c->at = end + 2 - c->in;
        }
        if (c->used - c->at < (size_t)c->left) return 0;
        c->at += c->left;
        c->left = -1;
        if (c->last_chunk) return 1;
    }
}

static void take(Connection *c) {
    ssize_t n = recv(c->fd, c->in + c->used, ROOM - c->used, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        done(c, 0);
        return;
    }
    c->used += n;
    if (c->in_head && !read_head(c)) return;
    if (read_body(c)) done(c, 1);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, double q) {
    if (!n_ok) return 0;
    qsort(values, n_ok, sizeof *values, by_size);
    size_t i = q * n_ok;
    return values[i < n_ok ? i : n_ok - 1];
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    port = atoi(argv[1]);
    read_requests(argv[2], argv[3], argv[4]);
    size_t n = atoi(argv[5]);
    double seconds = atof(argv[6]);
    n_limit = atol(argv[7]);
    signal(SIGPIPE, SIG_IGN);
    poll = epoll_create1(0);
    connections = calloc(n, sizeof *connections);
    for (size_t i = 0; i < n; i++) {
        connections[i].in = malloc(ROOM + 1);
        connections[i].fd = -1;
        connect_anew(&connections[i]);
    }
    double began = now_ms(), last = began;
    for (size_t i = 0; i < n; i++) ask(&connections[i]);
    while (n_open) {
        struct epoll_event ready[256];
        int n_ready = epoll_wait(poll, ready, 256, 10);
        for (int i = 0; i < n_ready; i++) {
            Connection *c = ready[i].data.ptr;
            if (ready[i].events & EPOLLOUT) write_on(c);
            if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take(c);
        }
        double now = now_ms();
        if (n_ready) last = now;
        if (seconds && now - began > seconds * 1e3) stopping = 1;
        if (now - last > PATIENCE_S * 1e3) { /* whoever is silent for so long has failed */
            n_failed += n_open;
            break;
        }
    }
    double taken_s = (now_ms() - began) / 1e3;
    printf("{\"n\": %zu, \"failed\": %zu, \"seconds\": %.4f, \"per_s\": %.2f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, "
           "\"ttft_p50_ms\": %.4f, \"ttft_p99_ms\": %.4f, \"why\": \"%s\"}\n",
           n_ok, n_failed, taken_s, n_ok / taken_s, quantile(latency, .5), quantile(latency, .99), quantile(ttft, .5),
           quantile(ttft, .99), why);
    return 0;
}
