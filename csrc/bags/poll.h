/* How long work on bags is ended from outside (Ctrl-C). */
#ifndef EC_BAGS_POLL_H
#define EC_BAGS_POLL_H

/* Called now and then by the calling thread; ends the work with EC_INTERRUPTED where it returns 1. */
struct ec_bag_poll {
    int (*interrupted)(void *argument);
    void *argument;
};

#endif
