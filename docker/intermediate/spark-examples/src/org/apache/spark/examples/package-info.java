/**
 * Small applications under the class names of Spark's own examples, so that commands and manifests that name them work
 * on these images. They take the same arguments and print the line that callers look for. The code is this
 * repository's own.
 */
package org.apache.spark.examples;
