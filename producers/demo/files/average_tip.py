"""A job with a mistake in it: the trips have no column `tip`."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("average tip").getOrCreate()
trips = spark.read.csv(sys.argv[1], header=True, inferSchema=True)
first = trips.collect()[0].asDict()
print(f"The first trip: {first}")
print(f"Its tip: {first['tip']}")
