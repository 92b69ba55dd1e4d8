/* A provider that answers at once: one thread, epoll, chat completions in OpenAI's dialect, whole or as 53 events.
 *
 *     mock PORT [GAP_MS]
 *
 * A body with `"stream":true` gets a stream, one send() an event; where its prompt holds the word `slowly`, GAP_MS
 * milliseconds apart. Every other body gets one JSON answer. Every answer names the model that was asked for, and holds
 * the word that the driver looks for. */

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
#define N_CONTENT 50
#define N_EVENTS (N_CONTENT + 3) /* the finish reason, the usage, [DONE] */
#define MAX_FDS 16384
#define MAX_MODELS 64

typedef struct { /* what one model says */
    char model[64], answer[8192], events[N_EVENTS][1280];
    size_t answer_size, event_size[N_EVENTS];
} Script;

typedef struct {
    char *in;
    size_t used, room;
    Script *script;
    int event;      /* the next event to send; -1 where no stream is open */
    double due_ms;  /* when */
    double gap_ms;
} Connection;

static Connection connections[MAX_FDS];
static Script scripts[MAX_MODELS];
static char head[256];
static size_t head_size;
static double default_gap_ms = 100;
static int n_paced; /* streams whose next event waits for its time */

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void compose_event(Script *s, int i, const char *data) {
    size_t n = strlen(data) + 8; /* `data: ` and two line feeds */
    s->event_size[i] = sprintf(s->events[i], "%zx\r\ndata: %s\n\n\r\n%s", n, data, i == N_EVENTS - 1 ? "0\r\n\r\n" : "");
}

static void compose(Script *s) {
    const char *usage = "{\"prompt_tokens\":200,\"completion_tokens\":150,\"total_tokens\":350}";
    char body[4096], text[1024] = MARK, data[1024];
    while (strlen(text) < 900) strcat(text, " stands in the shallows and waits for");
    sprintf(body,
            "{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"%s\","
            "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},"
            "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":%s,\"service_tier\":\"default\"}", s->model, text, usage);
    s->answer_size = sprintf(s->answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                          strlen(body), body);
    const char *envelope = "{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,"
                           "\"model\":\"%s\",\"system_fingerprint\":\"fp_1\",\"choices\":[%s]%s}";
    for (int i = 0; i < N_CONTENT; i++) {
        char choice[256];
        sprintf(choice, "{\"index\":0,\"delta\":{%s\"content\":\" %s%d\"},\"logprobs\":null,\"finish_reason\":null}",
                i ? "" : "\"role\":\"assistant\",", MARK, i);
        sprintf(data, envelope, s->model, choice, "");
        compose_event(s, i, data);
    }
    sprintf(data, envelope, s->model, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "");
    compose_event(s, N_CONTENT, data);
    char counted[256];
    sprintf(counted, ",\"usage\":%s", usage);
    sprintf(data, envelope, s->model, "", counted);
    compose_event(s, N_CONTENT + 1, data);
    compose_event(s, N_CONTENT + 2, "[DONE]");
}

/* Returns what the model says that a body names, composed at its first call. */
static Script *script_of(char *body, size_t length) {
    char *name = memmem(body, length, "\"model\":", 8), *end;
    if (!name || !(name = memchr(name + 8, '"', body + length - name - 8))) return &scripts[0];
    name++;
    if (!(end = memchr(name, '"', body + length - name)) || end - name > 63) return &scripts[0];
    Script *s = scripts;
    while (s->answer_size && (strncmp(s->model, name, end - name) || s->model[end - name]) && s < scripts + MAX_MODELS - 1) s++;
    if (!s->answer_size) {
        memcpy(s->model, name, end - name);
        compose(s);
    }
    return s;
}

static void drop(int fd) {
    Connection *c = &connections[fd];
    if (c->event >= 0 && c->gap_ms > 0) n_paced--;
    free(c->in);
    memset(c, 0, sizeof *c);
    c->event = -1;
    close(fd);
}

/* Sends what is due of an open stream. */
static void play(int fd) {
    Connection *c = &connections[fd];
    while (c->event >= 0 && (c->gap_ms == 0 || now_ms() >= c->due_ms)) {
        if (send(fd, c->script->events[c->event], c->script->event_size[c->event], MSG_NOSIGNAL) < 0) {
            if (errno == EAGAIN) { /* the reader is slow: try the same event again */
                if (c->gap_ms == 0) n_paced++;
                c->gap_ms = c->gap_ms ? c->gap_ms : 1;
                c->due_ms = now_ms() + 1;
                return;
            }
            drop(fd);
            return;
        }
        c->due_ms = now_ms() + c->gap_ms;
        if (++c->event == N_EVENTS) {
            if (c->gap_ms > 0) n_paced--;
            c->event = -1;
        }
    }
}

/* Answers the whole requests that have come in. */
static void serve(int fd) {
    Connection *c = &connections[fd];
    while (c->event < 0 && c->in) {
        char *end = memmem(c->in, c->used, "\r\n\r\n", 4);
        if (!end) return;
        *end = 0;
        char *field = strcasestr(c->in, "\r\ncontent-length:");
        size_t length = field ? strtoul(field + 17, NULL, 10) : 0, start = end + 4 - c->in;
        *end = '\r';
        if (c->used < start + length) return;
        char *body = c->in + start;
        int streams = memmem(body, length, "\"stream\":true", 13) || memmem(body, length, "\"stream\": true", 14);
        c->script = script_of(body, length);
        int slow = streams && memmem(body, length, "slowly", 6);
        memmove(c->in, body + length, c->used - start - length);
        c->used -= start + length;
        ssize_t sent = streams ? send(fd, head, head_size, MSG_NOSIGNAL) : send(fd, c->script->answer, c->script->answer_size, MSG_NOSIGNAL);
        if (sent < 0) {
            drop(fd);
            return;
        }
        if (streams) {
            c->event = 0;
            c->gap_ms = slow ? default_gap_ms : 0;
            c->due_ms = now_ms();
            n_paced += slow;
            play(fd);
        }
    }
}

static void take(int fd) {
    Connection *c = &connections[fd];
    if (c->room - c->used < 65536) c->in = realloc(c->in, (c->room = c->room * 2 + 131072));
    ssize_t n = recv(fd, c->in + c->used, c->room - c->used - 1, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) drop(fd);
        return;
    }
    c->used += n;
    serve(fd);
}

int main(int argc, char **argv) {
    int port = atoi(argv[1]), one = 1;
    if (argc > 2) default_gap_ms = atof(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    head_size = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    strcpy(scripts[0].model, "mock"); /* for bodies that name none */
    compose(&scripts[0]);
    for (int i = 0; i < MAX_FDS; i++) connections[i].event = -1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("mock");
        return 1;
    }
    int poll = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        int n = epoll_wait(poll, ready, 256, n_paced ? 1 : -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd != listener) {
                take(fd);
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                if (fd >= MAX_FDS) {
                    close(fd);
                    continue;
                }
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                wanted.data.fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted);
            }
        }
        if (n_paced)
            for (int fd = 0; fd < MAX_FDS; fd++)
                if (connections[fd].event >= 0) {
                    play(fd);
                    if (connections[fd].event < 0) serve(fd);
                }
    }
}
