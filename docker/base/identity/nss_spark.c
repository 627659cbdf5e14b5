/*
 * A name service for the user that /etc/passwd cannot contain in advance: the UID that a cluster assigns to this
 * process, as OpenShift does. Java, Hadoop and Python ask for its name and home, and fail or guess without an answer.
 *
 * It answers only for the UID of the calling process, and only if "files" has no answer. No other user gets a name here.
 */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value && !strpbrk(value, ":\n") ? value : fallback;
}

enum nss_status _nss_spark_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, int *error)
{
    if (uid != getuid() && uid != geteuid()) {
        *error = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    const char *name = variable("SPARK_USER_NAME", "spark");
    const char *home = variable("HOME", "/home/spark");
    int used = snprintf(buffer, size, "%s%c%s%cx%c/bin/bash", name, 0, home, 0, 0);
    if (used < 0 || (size_t)used >= size) {
        *error = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    entry->pw_name = buffer;
    entry->pw_dir = entry->pw_name + strlen(entry->pw_name) + 1;
    entry->pw_passwd = entry->pw_dir + strlen(entry->pw_dir) + 1;
    entry->pw_shell = entry->pw_passwd + strlen(entry->pw_passwd) + 1;
    entry->pw_gecos = entry->pw_name;
    entry->pw_uid = uid;
    entry->pw_gid = getgid();
    return NSS_STATUS_SUCCESS;
}
