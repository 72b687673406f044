"""What the Shell expert knows without a model: requests read into tasks and slots, commands parsed and looked over."""
