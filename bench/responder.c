// The yardstick in C: what the kernel charges for an agent check that is
// answered at accept in one write, half-closed and drained, and little else.
// It keeps the connection contract of hapgent and none of the rest: the answer
// is fixed, there is no state file, no signals, no log.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TABLE = 1024, SECONDS = 5, BYTES = 64 * 1024 };

static const char answer[] = "UP 77% maxconn:300\n";
static struct { time_t since; int left; } conns[TABLE + 8]; // by descriptor, left 0 is free

static void put_out(int fd) { conns[fd].left = 0; close(fd); }

static void expire(time_t before) {
    for (int fd = 0; fd < TABLE; fd++)
        if (conns[fd].left > 0 && conns[fd].since <= before) put_out(fd);
}

static void serve(int epoll, int listener, time_t now) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_MORE); // one segment with the FIN
    shutdown(fd, SHUT_WR);
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted);
    conns[fd].since = now;
    conns[fd].left = BYTES;
    if (fd >= TABLE - 1) {
        int oldest = fd;
        for (int i = fd; i-- > 0;)
            if (conns[i].left > 0 && conns[i].since <= conns[oldest].since) oldest = i;
        put_out(oldest);
    }
}

static void drain(int fd, unsigned events) {
    char waste[4096];
    ssize_t n = read(fd, waste, sizeof waste);
    if (n < 0 && errno == EAGAIN) return; // the event was that of a client put out since
    int more = n == sizeof waste || !(events & EPOLLRDHUP);
    if (n > 0 && (conns[fd].left -= n) > 0 && more) return;
    put_out(fd);
}

int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("HAPGENT_PORT")))};
    int epoll = epoll_create1(0), on = 1, low = 1024, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, getenv("HAPGENT_IP"), &at.sin_addr);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low); // no event for a payload alone
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, TABLE)) return 1;
    struct epoll_event events[64] = {{.events = EPOLLIN, .data.fd = listener}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events);
    for (time_t swept = time(NULL), now;;) {
        int ready = epoll_wait(epoll, events, 64, 1000);
        now = time(NULL);
        for (int i = 0; i < ready; i++)
            if (events[i].data.fd == listener) serve(epoll, listener, now);
            else drain(events[i].data.fd, events[i].events);
        if (now != swept) expire((swept = now) - SECONDS);
    }
}
