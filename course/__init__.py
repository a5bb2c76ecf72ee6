"""The course's companion: everything around the library that learners build."""
