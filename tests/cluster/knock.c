/* For pods of tests: who reaches whom.
 *
 * knock serve PORT...        accepts connections on each port, and ends them
 * knock try ADDRESS:PORT...  prints those that accept one within a second
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 256, MILLISECONDS = 1000 };

static struct sockaddr_in address(const char *host, const char *port) {
    struct sockaddr_in found = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    inet_pton(AF_INET, host, &found.sin_addr);
    return found;
}

static int serve(int count, char **ports) {
    struct pollfd listeners[MOST];
    for (int i = 0; i < count; i++) {
        struct sockaddr_in own = address("0.0.0.0", ports[i]);
        int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, MOST)) {
            perror(ports[i]);
            return 1;
        }
        listeners[i] = (struct pollfd){.fd = listener, .events = POLLIN};
    }
    for (;;) {
        poll(listeners, (nfds_t)count, -1);
        for (int i = 0; i < count; i++)
            if (listeners[i].revents) close(accept(listeners[i].fd, 0, 0));
    }
}

/* All at once: what is dropped in silence costs a second, however many there are. */
static int try(int count, char **targets) {
    struct pollfd calls[MOST];
    for (int i = 0; i < count; i++) {
        char host[64];
        snprintf(host, sizeof host, "%s", targets[i]);
        char *colon = strchr(host, ':');
        if (!colon) return 2;
        *colon = 0;
        struct sockaddr_in peer = address(host, colon + 1);
        int call = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(call, F_SETFL, O_NONBLOCK);
        connect(call, (struct sockaddr *)&peer, sizeof peer);
        calls[i] = (struct pollfd){.fd = call, .events = POLLOUT};
    }
    usleep(MILLISECONDS * 1000);
    poll(calls, (nfds_t)count, 0);
    for (int i = 0; i < count; i++) {
        int error = 1;
        socklen_t size = sizeof error;
        if (calls[i].revents && !getsockopt(calls[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) && !error) puts(targets[i]);
    }
    return 0;
}

int main(int count, char **arguments) {
    signal(SIGTERM, _exit);
    if (count > 2 && count - 2 <= MOST && !strcmp(arguments[1], "serve")) return serve(count - 2, arguments + 2);
    if (count > 2 && count - 2 <= MOST && !strcmp(arguments[1], "try")) return try(count - 2, arguments + 2);
    fputs("knock serve PORT... | knock try ADDRESS:PORT...\n", stderr);
    return 2;
}
