"""What the array API standard lacks, one file a library."""
