package org.apache.spark.examples;

/** The arguments of an example: numbers with defaults, and one sentence for a wrong one. */
final class Arguments {
    private final String usage;
    private final String[] given;

    Arguments(String usage, String[] given) {
        this.usage = usage;
        this.given = given;
    }

    /** Returns the positive number at {@code index}, or {@code fallback} if there is none. Ends the JVM with 2 if it is wrong. */
    int number(int index, int fallback) {
        if (index >= given.length) {
            return fallback;
        }
        try {
            int value = Integer.parseInt(given[index]);
            if (value > 0) {
                return value;
            }
        } catch (NumberFormatException wrong) {
            // The sentence below is for both cases.
        }
        throw stop("\"" + given[index] + "\" is not a positive whole number");
    }

    /** Returns the text at {@code index}. Ends the JVM with 2 if there is none. */
    String text(int index, String what) {
        if (index < given.length) {
            return given[index];
        }
        throw stop(what + " is missing");
    }

    private RuntimeException stop(String wrong) {
        System.err.println(wrong + ". Usage: " + usage);
        System.exit(2);
        return new IllegalStateException(wrong);
    }
}
