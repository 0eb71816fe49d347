"""What the tests share: back ends, cases, expectations, mutants."""
